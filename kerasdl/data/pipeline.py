"""Build tf.data pipelines: order -> gather -> (decode) -> (augment) -> prefetch.

The order and the augmentation are functions of (seed, epoch), computed when they are needed: there
is no shuffle buffer, parallelism does not change results, and epoch e is the same in every run.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from kerasdl.data import images, passes, sharing
from kerasdl.data.examples import Examples
from kerasdl.data.splits import NAMES, Source


@dataclasses.dataclass(frozen=True)
class Training:
    """How batches are made from the training split.

    Args:
        seed: int, determines the order.
        epoch: The variable of `epoch_counter`.
        augment: function (inputs, targets, epoch=, rows=) -> (inputs, targets), or None.
        mix: The same, applied last.
        share: `Share`, the part of every batch that this process reads; None for all of it.
        plan: `Plan`, which files each replica reads, if replicas read whole files.
        choose: function (places in the epoch, epoch) -> rows; by default a permutation.
    """

    seed: int
    epoch: tf.Variable
    augment: Callable | None = None
    mix: Callable | None = None
    share: sharing.Share | None = None
    plan: sharing.Plan | None = None
    choose: Callable | None = None


def of_splits(source: Source, batch_size: int, training: Training) -> dict:
    """Return the pipelines of all splits.

    "rest" is a function from a step to the training pipeline from that step on.
    """

    def train(first=0):
        order, sizes = _training_order(source.train, batch_size, training, first)
        return to_elements(order, source.train, sizes, training.augment, training.mix)

    pipelines = {"train": passes.reuse_iterators(train()), "validation": None, "test": None}
    for split in ("validation", "test"):
        if part := source.splits()[split]:
            order = in_order(len(part), batch_size)
            dataset = to_elements(order, part, _sizes(len(part), batch_size))
            pipelines[split] = passes.reuse_iterators(dataset)
    return {**pipelines, "rest": train}


def _training_order(train, batch_size, how, first):
    """Return the order of the training split from step `first` on, and the size of each batch."""
    share, total = how.share, len(train)
    if how.plan:
        order = sharing.order_of_files(train, how.plan, share, how.seed, how.epoch, first)
        sizes = [how.plan.sizes(replica) for replica in share.replicas]
        return order, [size for step in zip(*sizes, strict=True) for size in step][
            first * share.here :
        ]
    order = shuffled(total, batch_size, how.seed, how.epoch, first, how.choose)
    if share:
        return share.cut(order), share.sizes(total, batch_size)[first * share.here :]
    return order, _sizes(total, batch_size)[first:]


def _sizes(total, batch_size):
    return [min(batch_size, total - start) for start in range(0, total, batch_size)]


def epoch_counter() -> tf.Variable:
    """Return a variable for the last epoch that a training pipeline has given."""
    with tf.device("CPU:0"):
        return tf.Variable(-1, dtype="int64", trainable=False, name="epoch")


def shuffled(
    total: int,
    batch_size: int,
    seed: int,
    epoch: tf.Variable,
    first: int = 0,
    choose: Callable | None = None,
) -> tf.data.Dataset:
    """Return batches of a permutation of range(total), from the step `first` on: (epoch, rows).

    Iterating adds one to `epoch`. With `choose`, it determines the rows.
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

    # one function: each further one costs some milliseconds whenever an epoch begins
    return tf.data.Dataset.range(first, steps).scan(tf.constant(-1, "int64"), order, name="order")


def in_order(total: int, batch_size: int) -> tf.data.Dataset:
    """Return batches of range(total): (0, rows)."""
    rows = tf.data.Dataset.range(total, name="order").batch(batch_size)
    return rows.map(lambda rows: (tf.constant(0, "int64"), rows), name="order")


def to_elements(
    order: tf.data.Dataset,
    examples: Examples,
    sizes: list[int],
    augment: Callable | None = None,
    mix: Callable | None = None,
) -> tf.data.Dataset:
    """Turn batches of rows into batches of (inputs, targets).

    Args:
        order: tf.data.Dataset of (epoch, rows); of whole files, of (epoch, rows, data).
        examples: The examples of a split.
        sizes: list of int, the size of each batch.
        augment: function (inputs, targets, epoch=, rows=) -> (inputs, targets), or None.
        mix: The same, applied last.
    """

    def finish(inputs, targets, *_):
        return tf.nest.map_structure(images.to_unit, inputs), targets

    changed = augment or mix
    # without either, one function gathers and finishes
    dataset = examples.batches(order, (lambda *batch: batch) if changed else finish)
    for name, step in (("augment", augment), ("mix", mix)):
        if step:
            # there is nothing for autograph to convert, and its check takes a second
            step = tf.autograph.experimental.do_not_convert(step)
            dataset = dataset.map(
                lambda x, y, epoch, rows, step=step: (
                    *step(x, y, epoch=epoch, rows=rows),
                    epoch,
                    rows,
                ),
                name=name,
                **images.parallel(),
            )
    dataset = dataset.map(finish) if changed else dataset
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(sizes)))
    options = tf.data.Options()
    options.autotune.enabled = False  # autotuning delays the end of each epoch
    options.deterministic = True
    return dataset.prefetch(2, name="prefetch").with_options(options)


def find_bad(source: Source, seed: int, epoch: tf.Variable):
    """Read all examples of an epoch; raise an error for the first that cannot be read."""
    for split in NAMES:
        part = getattr(source, split)
        if not part:
            continue
        order = in_order(len(part), 1024)
        if split == "train":
            last = tf.Variable(tf.maximum(epoch, 0) - 1)  # iterating adds one
            order = shuffled(len(part), 1024, seed, last)
        part.find_bad(rows for _, rows in order.as_numpy_iterator())
