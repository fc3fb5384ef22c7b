"""From arrays to tf.data: order -> gather -> (decode) -> (augment) -> prefetch.

The order and the augmentation are functions of (seed, epoch), computed as they are needed: nothing
is buffered, parallelism changes nothing, and epoch e is the same in every run.
"""

import os

import numpy as np
import tensorflow as tf

from kerasdl.data.cutting import count

WORKERS = os.cpu_count() or 1


def epoch_counter():
    """The epoch that a training pipeline gave last."""
    with tf.device("CPU:0"):
        return tf.Variable(-1, dtype="int64", trainable=False, name="epoch")


def shuffled(total, batch_size, seed, epoch):
    """Batches of a permutation of range(total): (epoch, rows). Iterating adds one to `epoch`."""
    steps = -(-total // batch_size)

    def order(epoch, step):
        rows = tf.range(step * batch_size, tf.minimum((step + 1) * batch_size, total))
        key = tf.stack([tf.cast(seed, "int32"), tf.cast(epoch, "int32")])
        return epoch, tf.random.experimental.index_shuffle(rows, key, max_index=total - 1)

    return (
        tf.data.Dataset.range(1)
        .map(lambda _: epoch.assign_add(1))
        .flat_map(lambda epoch: tf.data.Dataset.range(steps).map(lambda step: (epoch, step)))
        .map(order, name="order")
    )


def in_order(total, batch_size):
    """Batches of range(total): (0, rows)."""
    rows = tf.data.Dataset.range(total, name="order").batch(batch_size)
    return rows.map(lambda rows: (tf.constant(0, "int64"), rows), name="order")


def to_elements(order, arrays, batch_size, decode=None, augment=None, mix=None):
    """Turn batches of rows into batches of (inputs, targets).

    Args:
        order: A data set of (epoch, rows).
        arrays: (inputs, targets), nested arrays, kept in memory.
        batch_size: Size of a batch.
        decode: From one stored input to the input, for what does not fit into memory.
        augment: From (inputs, targets, epoch, rows) to (inputs, targets).
        mix: From (inputs, targets, epoch, rows) to (inputs, targets), last.
    """
    steps = -(-count(arrays) // batch_size)
    arrays = tf.nest.map_structure(tf.constant, arrays)

    def gather(epoch, rows):
        inputs, targets = tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)
        return _to_unit(inputs), targets, epoch, rows

    dataset = order.map(gather, WORKERS, deterministic=True, name="gather")
    if decode:
        dataset = dataset.unbatch().map(
            lambda inputs, targets, epoch, row: (_to_unit(decode(inputs)), targets, epoch, row),
            WORKERS,
            deterministic=True,
            name="decode",
        )
        dataset = dataset.batch(batch_size)
        dataset = dataset.map(lambda x, y, epoch, rows: (x, y, epoch[0], rows), name="decode")
    for name, step in (("augment", augment), ("mix", mix)):
        if step:
            dataset = dataset.map(
                lambda x, y, epoch, rows, step=step: (*step(x, y, epoch, rows), epoch, rows),
                WORKERS,
                deterministic=True,
                name=name,
            )
    dataset = dataset.map(lambda x, y, epoch, rows: (x, y))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    options = tf.data.Options()
    options.autotune.enabled = False  # it makes the end of each epoch wait
    options.deterministic = True
    return dataset.prefetch(2, name="prefetch").with_options(options)


def _to_unit(inputs):
    """Stored bytes are pixels: [0, 255] -> [0, 1]."""
    if isinstance(inputs, tf.Tensor) and inputs.dtype == tf.uint8:
        return tf.cast(inputs, "float32") / np.float32(255)
    return inputs
