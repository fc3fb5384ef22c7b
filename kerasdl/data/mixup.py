"""MixUp and CutMix: Keras's layers, with seeds that make them repeatable."""

import keras
import tensorflow as tf


class EpochSeed(keras.random.SeedGenerator):
    """Seeds that depend on the epoch and the batch's rows, and on nothing drawn before."""

    def __init__(self, seed, epoch, rows):
        self.key = tf.stack([tf.cast(seed, "int64"), tf.cast(epoch, "int64") * 2**32 + rows[0]])
        self.drawn = 0

    def next(self, ordered=True):
        self.drawn += 1
        bounds = {"minval": None, "maxval": None, "dtype": "int32"}
        key = self.key + tf.constant([self.drawn * 2**32, 0], "int64")
        return tf.random.stateless_uniform((2,), key, **bounds)


def mixer(mixup: float, cutmix: float, seed: int):
    """A step that mixes a batch of images with itself, and its one-hot labels with them.

    Repeatable for the same batch size: examples are mixed within their batch. With both asked for,
    each batch gets one of them.
    """
    chosen = [keras.layers.MixUp(alpha=mixup)] if mixup else []
    chosen += [keras.layers.CutMix(factor=(cutmix, cutmix))] if cutmix else []

    def mix(images, labels, epoch, rows):
        seeds = EpochSeed(seed, epoch, rows)
        branches = [lambda layer=layer: _apply(layer, images, labels, seeds) for layer in chosen]
        if len(branches) == 1:
            return branches[0]()
        return tf.cond(seeds.next()[0] > 0, *branches)

    return mix


def _apply(layer, images, labels, seeds):
    transformation = layer.get_random_transformation({"images": images}, seed=seeds)
    mixed = layer.transform_images(images, transformation)
    shares = layer.transform_labels(labels, transformation)
    return tf.ensure_shape(mixed, images.shape), tf.ensure_shape(shares, labels.shape)
