"""MixUp and CutMix: the layers of Keras with seeds that depend on epoch and batch only."""

from collections.abc import Callable

import keras
import tensorflow as tf


class EpochSeed(keras.random.SeedGenerator):
    """Seeds that are functions of the run's seed, the epoch and the rows of a batch.

    A generator of Keras counts what was drawn before, so parallel batches would not be repeatable.

    Args:
        seed: int, the run's seed.
        epoch: int or tensor.
        rows: tensor, the rows of the batch in their split; the first one identifies the batch.
    """

    def __init__(self, seed: int, epoch, rows):
        self.key = tf.stack([tf.cast(seed, "int64"), tf.cast(epoch, "int64") * 2**32 + rows[0]])
        self.drawn = 0

    def next(self, ordered=True):
        self.drawn += 1
        bounds = {"minval": None, "maxval": None, "dtype": "int32"}
        key = self.key + tf.constant([self.drawn * 2**32, 0], "int64")
        return tf.random.stateless_uniform((2,), key, **bounds)


def mixer(mixup: float, cutmix: float, seed: int) -> Callable:
    """Return a pipeline step that mixes the images of a batch, and their one-hot labels likewise.

    Its results are repeatable for one batch size, because images are mixed within their batch.

    Args:
        mixup: float in [0, 1], alpha of MixUp; 0 for none.
        cutmix: float in [0, 1], factor of CutMix; 0 for none. With both, each batch gets one.
        seed: int, the run's seed.
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
    weights = layer.transform_labels(labels, transformation)
    return tf.ensure_shape(mixed, images.shape), tf.ensure_shape(weights, labels.shape)
