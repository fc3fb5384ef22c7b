"""Which weights to keep: masks of ones and zeros, by magnitude.

Weights have the layouts of Keras: the last axis counts outputs, the one before it inputs.
"""

import tensorflow as tf

GROUP = 4  # consecutive inputs, of which "2:4" keeps two
BLOCK = 4  # side of the squares of "block"


def unstructured(weights: list, sparsity) -> list:
    """Zero the smallest `sparsity` of all the weights together: exactly, ties broken by place."""
    sizes = [tf.size(weight) for weight in weights]
    flat = tf.concat([tf.reshape(tf.abs(weight), [-1]) for weight in weights], axis=0)
    kept = tf.split(_largest(flat, 1 - sparsity), sizes)
    return [tf.reshape(mask, weight.shape) for mask, weight in zip(kept, weights, strict=True)]


def two_of_four(weight):
    """Of every four consecutive inputs of an output keep the two largest, as sparse cores do."""
    rows = tf.reshape(tf.abs(weight), [-1, *weight.shape[-2:]])  # (positions, inputs, outputs)
    padding = -rows.shape[1] % GROUP
    groups = tf.pad(rows, [[0, 0], [0, padding], [0, 0]], constant_values=-1.0)
    groups = tf.reshape(groups, [rows.shape[0], -1, GROUP, rows.shape[2]])
    ranks = _ranks(groups, axis=2)
    kept = tf.reshape(ranks >= GROUP // 2, [rows.shape[0], -1, rows.shape[2]])
    kept = kept[:, : rows.shape[1]]
    return tf.cast(tf.reshape(kept, weight.shape), "float32")


def block(weight, sparsity):
    """Zero whole squares of inputs and outputs, those of the smallest mean magnitude."""
    rows = tf.reshape(tf.abs(weight), [-1, *weight.shape[-2:]])
    high, wide = (-(-size // BLOCK) for size in rows.shape[1:])
    padding = [[0, 0], [0, high * BLOCK - rows.shape[1]], [0, wide * BLOCK - rows.shape[2]]]

    def sums(array):
        squares = tf.reshape(tf.pad(array, padding), [-1, high, BLOCK, wide, BLOCK])
        return tf.reduce_sum(squares, axis=(2, 4))

    means = sums(rows) / sums(tf.ones_like(rows))  # of what is there: squares at edges are cut
    kept = tf.reshape(_largest(tf.reshape(means, [-1]), 1 - sparsity), means.shape)
    kept = tf.repeat(tf.repeat(kept, BLOCK, axis=1), BLOCK, axis=2)
    return tf.reshape(kept[:, : rows.shape[1], : rows.shape[2]], weight.shape)


def _largest(values, share):
    """Ones at the largest `share` of a vector's values, at least one of them."""
    count = tf.size(values)
    keep = tf.cast(tf.round(tf.cast(count, "float32") * share), "int32")
    ranks = _ranks(values, axis=0)
    return tf.cast(ranks >= count - tf.maximum(keep, 1), "float32")


def _ranks(values, axis):
    """The place of each value in ascending order; of equal values the later one is larger."""
    order = tf.argsort(values, axis=axis, stable=True)
    return tf.argsort(order, axis=axis, stable=True)
