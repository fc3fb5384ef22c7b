"""A replica's part of a global batch, with what it needs to know of the whole."""

import typing

import tensorflow as tf

from kerasdl.data import planning
from kerasdl.data.sharing import Share, bounds


class Part(typing.NamedTuple):
    """What one replica gets in a step.

    Args:
        data: What Keras calls data: x, (x, y) or (x, y, sample_weight).
        share: Of the global batch; those of all replicas add up to 1.
        counts: Whether metrics and predictions count it; of equal parts the first does.
    """

    data: typing.Any
    share: typing.Any
    counts: typing.Any


def of_batch(data, rows, replica, total):
    """The part of a replica that has its rows of a batch of `rows` already."""
    first, last = bounds(rows, replica, total)
    share = tf.where(rows >= total, (last - first) / rows, 1 / total)
    return Part(data, tf.cast(share, "float32"), (rows >= total) | (replica == 0))


def cut(dataset: tf.data.Dataset, share: Share) -> tf.data.Dataset:
    """Of every global batch the parts that are this process's, one after the other."""

    def parts(*data):
        data = data if len(data) > 1 else data[0]
        rows = tf.shape(next(v for v in tf.nest.flatten(data)), "int64")[0]

        def part(replica):
            first, last = bounds(rows, replica, share.total)
            mine = tf.nest.map_structure(lambda value: value[first:last], data)
            return of_batch(mine, rows, replica, share.total)

        return tf.data.Dataset.range(share.replicas.start, share.replicas.stop).map(part)

    return dataset.flat_map(parts)


def numbered(dataset, share: Share, count: int, batch_size: int, counts=None) -> tf.data.Dataset:
    """The same for a data set that gives only this process's parts: `load(share=)`.

    Args:
        dataset: Parts, in the order of steps and replicas.
        share: Whose they are.
        count: Examples of an epoch.
        batch_size: Size of a global batch.
        counts: Examples of each replica, where they share by file.
    """
    steps = planning.steps(counts, batch_size) if counts else None

    def unequal(step, replica, data):
        sizes = planning.part(tf.constant(counts, "int64"), step, steps)
        weight = tf.gather(sizes, replica) / tf.reduce_sum(sizes)
        return Part(data, tf.cast(weight, "float32"), True)

    def part(number, data):
        step, replica = number // share.here, share.first + number % share.here
        if counts:
            return unequal(step, replica, data)
        rows = tf.minimum(count - step * batch_size, batch_size)
        return of_batch(data, rows, replica, share.total)

    return dataset.enumerate().map(part)
