"""Pruning masks: 1 for each weight to keep, 0 for each weight to zero, by magnitude.

Weights have Keras's layout: the last axis is the outputs, the one before it the inputs.
"""

from collections.abc import Sequence

import tensorflow as tf

GROUP = 4  # consecutive inputs, of which "2:4" keeps two
BLOCK = 4  # side of the squares of "block"


def unstructured(weights: Sequence[tf.Tensor], sparsity: float) -> list[tf.Tensor]:
    """Zero the fraction `sparsity` of all weights together, the smallest ones.

    The number of zeros is exact: of equal weights, those with the lower index are zeroed first.
    """
    sizes = [tf.size(weight) for weight in weights]
    flat = tf.concat([tf.reshape(tf.abs(weight), [-1]) for weight in weights], axis=0)
    kept = tf.split(_largest(flat, 1 - sparsity), sizes)
    return [tf.reshape(mask, weight.shape) for mask, weight in zip(kept, weights, strict=True)]


def two_of_four(weight: tf.Tensor) -> tf.Tensor:
    """Keep the two largest of every four consecutive inputs of an output (2:4 sparsity).

    This is the pattern that the sparse tensor cores of GPUs compute with.
    """
    rows = tf.reshape(tf.abs(weight), [-1, *weight.shape[-2:]])  # (positions, inputs, outputs)
    padding = -rows.shape[1] % GROUP
    groups = tf.pad(rows, [[0, 0], [0, padding], [0, 0]], constant_values=-1.0)
    groups = tf.reshape(groups, [rows.shape[0], -1, GROUP, rows.shape[2]])
    ranks = _ranks(groups, axis=2)
    kept = tf.reshape(ranks >= GROUP // 2, [rows.shape[0], -1, rows.shape[2]])
    kept = kept[:, : rows.shape[1]]
    return tf.cast(tf.reshape(kept, weight.shape), "float32")


def block(weight: tf.Tensor, sparsity: float) -> tf.Tensor:
    """Zero squares of 4 inputs by 4 outputs, those with the smallest mean magnitude."""
    rows = tf.reshape(tf.abs(weight), [-1, *weight.shape[-2:]])
    high, wide = (-(-size // BLOCK) for size in rows.shape[1:])
    padding = [[0, 0], [0, high * BLOCK - rows.shape[1]], [0, wide * BLOCK - rows.shape[2]]]

    def sums(array):
        squares = tf.reshape(tf.pad(array, padding), [-1, high, BLOCK, wide, BLOCK])
        return tf.reduce_sum(squares, axis=(2, 4))

    means = sums(rows) / sums(tf.ones_like(rows))  # squares at the edges have fewer elements
    kept = tf.reshape(_largest(tf.reshape(means, [-1]), 1 - sparsity), means.shape)
    kept = tf.repeat(tf.repeat(kept, BLOCK, axis=1), BLOCK, axis=2)
    return tf.reshape(kept[:, : rows.shape[1], : rows.shape[2]], weight.shape)


def _largest(values, fraction):
    """Return 1 for a fraction of the values of a vector, the largest and at least one; else 0."""
    count = tf.size(values)
    keep = tf.cast(tf.round(tf.cast(count, "float32") * fraction), "int32")
    ranks = tf.math.invert_permutation(tf.argsort(values, stable=True))
    return tf.cast(ranks >= count - tf.maximum(keep, 1), "float32")


def _ranks(values, axis):
    """Return the rank of each value in ascending order; of equal values, later ones rank higher."""
    order = tf.argsort(values, axis=axis, stable=True)
    return tf.argsort(order, axis=axis, stable=True)
