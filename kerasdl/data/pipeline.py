"""From arrays to tf.data: order -> gather -> (decode) -> (augment) -> prefetch.

The order and the augmentation are functions of (seed, epoch), computed as they are needed: nothing
is buffered, parallelism changes nothing, and epoch e is the same in every run.
"""

import os

import tensorflow as tf

from kerasdl.data import planning
from kerasdl.data.augment import to_unit
from kerasdl.data.splitting import count

WORKERS = os.cpu_count() or 1


def of_splits(
    source, batch_size, seed, epoch, augment=None, mix=None, share=None, plan=None, choose=None
):
    """The pipelines of a source's splits; what is augmented, mixed and shared is the training."""
    counts = source.counts()
    arrays = _constant(source.train)

    def training(first=0):
        if plan:
            order = planning.order(arrays, plan, share, seed, epoch, first)
            count = (plan.steps - first) * share.here
            return to_elements(order, arrays, batch_size, None, augment, mix, range(count))
        order = shuffled(counts["train"], batch_size, seed, epoch, first, choose)
        sizes = None
        if share:
            order = share.cut(order)
            sizes = share.sizes(counts["train"], batch_size)[first * share.here :]
        return to_elements(order, arrays, batch_size, source.decode, augment, mix, sizes, first)

    pipelines = {"train": training(), "validation": None, "test": None, "rest": training}
    for split in ("validation", "test"):
        if counts[split]:
            order = in_order(counts[split], batch_size)
            part = getattr(source, split)
            pipelines[split] = to_elements(order, part, batch_size, source.decode)
    return pipelines


def epoch_counter():
    """The epoch that a training pipeline gave last."""
    with tf.device("CPU:0"):
        return tf.Variable(-1, dtype="int64", trainable=False, name="epoch")


def shuffled(total, batch_size, seed, epoch, first=0, choose=None):
    """Batches of a permutation of range(total), from the step `first` on: (epoch, rows).

    Iterating adds one to `epoch`. With `choose`, the rows are what it makes of their places.

    Spec: BAS-19
    """
    steps = -(-total // batch_size)

    def permuted(places, epoch):
        key = tf.stack([tf.cast(seed, "int32"), tf.cast(epoch, "int32")])
        return tf.random.experimental.index_shuffle(places, key, max_index=total - 1)

    def order(number, step):
        begins = step == first
        number = tf.where(begins, epoch.assign_add(tf.cast(begins, "int64")), number)
        places = tf.range(step * batch_size, tf.minimum((step + 1) * batch_size, total))
        return number, (number, (choose or permuted)(places, number))

    # one function, for each costs some milliseconds whenever an epoch begins
    return tf.data.Dataset.range(first, steps).scan(tf.constant(-1, "int64"), order, name="order")


def in_order(total, batch_size):
    """Batches of range(total): (0, rows)."""
    rows = tf.data.Dataset.range(total, name="order").batch(batch_size)
    return rows.map(lambda rows: (tf.constant(0, "int64"), rows), name="order")


def to_elements(
    order, arrays, batch_size, decode=None, augment=None, mix=None, sizes=None, first=0
):
    """Turn batches of rows into batches of (inputs, targets).

    Args:
        order: A data set of (epoch, rows).
        arrays: (inputs, targets), nested arrays, kept in memory; or `Records`.
        batch_size: Size of a batch; the last one may be smaller.
        decode: From one stored input to the input, for what does not fit into memory.
        augment: From inputs, targets, epoch= and rows= to both.
        mix: The same, last.
        sizes: Of each batch, where they are parts of batches.
        first: The step with which `order` begins.
    """
    steps = -(-count(arrays) // batch_size) - first if sizes is None else len(sizes)
    arrays = _constant(arrays)
    parallel = {"num_parallel_calls": WORKERS, "deterministic": True}

    def gather(epoch, rows, *data):
        if data:
            return *arrays.parse(*data), epoch, rows
        if hasattr(arrays, "fetch"):
            return *arrays.fetch(rows), epoch, rows
        inputs, targets = tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)
        return inputs, targets, epoch, rows

    def finish(inputs, targets, *_):
        return tf.nest.map_structure(to_unit, inputs), targets

    changed = decode or augment or mix  # else one function does both
    last = gather if changed else lambda *batch: finish(*gather(*batch))
    dataset = order.map(last, name="gather", **parallel)
    if decode:
        decode = tf.autograph.experimental.do_not_convert(decode)
        dataset = dataset.flat_map(_one_by_one, name="decode")
        dataset = dataset.map(lambda x, *rest: (decode(x), *rest), name="decode", **parallel)
        dataset = dataset.batch(batch_size, name="decode")
        if sizes:
            dataset = dataset.rebatch(sizes, name="decode")
        dataset = dataset.map(lambda x, y, epoch, rows: (x, y, epoch[0], rows), name="decode")
    for name, step in (("augment", augment), ("mix", mix)):
        if step:
            # nothing in it for autograph, which takes a second to find out
            step = tf.autograph.experimental.do_not_convert(step)
            dataset = dataset.map(
                lambda x, y, epoch, rows, step=step: (
                    *step(x, y, epoch=epoch, rows=rows),
                    epoch,
                    rows,
                ),
                name=name,
                **parallel,
            )
    dataset = dataset.map(finish) if changed else dataset
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    options = tf.data.Options()
    options.autotune.enabled = False  # it makes the end of each epoch wait
    options.deterministic = True
    return dataset.prefetch(2, name="prefetch").with_options(options)


def _constant(arrays):
    return arrays if hasattr(arrays, "parse") else tf.nest.map_structure(tf.constant, arrays)


def _one_by_one(inputs, targets, epoch, rows):
    epochs = tf.fill(tf.shape(rows), epoch)
    return tf.data.Dataset.from_tensor_slices((inputs, targets, epochs, rows))
