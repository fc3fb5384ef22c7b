"""Split every global batch among the replicas of all workers.

A process's *share* is the part of every global batch that its replicas train on, given by a
`kerasdl.data.sharing.Share`. A replica's rows of one batch are a `ReplicaBatch`.
"""

import typing
from collections.abc import Sequence

import tensorflow as tf

from kerasdl.data import sharing as batches
from kerasdl.data.sharing import Share, bounds
from kerasdl.utils import checks


class ReplicaBatch(typing.NamedTuple):
    """The rows of a global batch that one replica gets in a step.

    Args:
        data: What Keras calls data: x, (x, y) or (x, y, sample_weight).
        fraction: The replica's fraction of the global batch. The fractions of all replicas add up
            to 1.
        counted: bool, whether metrics and predictions count these rows. In a batch with fewer rows
            than replicas every replica gets all rows, and only the first one's are counted.
    """

    data: typing.Any
    fraction: typing.Any
    counted: typing.Any


def share(strategy: tf.distribute.Strategy) -> Share:
    """Return what this process reads of each global batch, for `kerasdl.data.load(share=)`.

    Example:
        >>> share(tf.distribute.MirroredStrategy(['CPU:0']))
        Share(first=0, here=1, total=1)
    """
    _check(strategy)
    total = strategy.num_replicas_in_sync
    here = len(strategy.extended.worker_devices)
    number, _ = worker_of(strategy)
    return Share(number * here, here, total)


def worker_of(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Return this worker's number and how many workers there are. The chief's number is 0.

    Example:
        >>> worker_of(tf.distribute.get_strategy())
        (0, 1)
    """
    _check(strategy)
    resolver = strategy.cluster_resolver
    jobs = resolver.cluster_spec().as_dict() if resolver else {}
    chiefs, workers = len(jobs.get("chief", [])), len(jobs.get("worker", []))
    if chiefs + workers < 2:
        return 0, 1
    number = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
    return number, chiefs + workers


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Return whether this process is the one that writes files.

    Example:
        >>> is_chief(tf.distribute.get_strategy())
        True
    """
    return worker_of(strategy)[0] == 0


def pipeline(
    dataset: tf.data.Dataset,
    strategy: tf.distribute.Strategy,
    count: int,
    batch_size: int,
    counts: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """Prepare a dataset that was loaded with `share=` for `fit`.

    A plain `tf.data.Dataset` of global batches can be given to `fit` as it is: every worker then
    runs the whole pipeline and keeps its rows. With `load(share=share(strategy))` each worker reads
    only its own rows, and this function tells Keras so.

    Args:
        dataset: What `load` returned. It may be mapped, as long as a batch stays a batch.
        strategy: The strategy it was loaded for.
        count: int, number of examples in an epoch: `info.counts["train"]`.
        batch_size: int, size of a global batch.
        counts: `info.replicas`, for a dataset loaded with `shard="file"`; else `None`.

    Example:
        >>> dataset = tf.data.Dataset.range(8).batch(4)
        >>> repeated = pipeline(dataset, tf.distribute.get_strategy(), count=8, batch_size=4)
        >>> int(repeated.cardinality())
        2
    """
    _check(strategy)
    checks.datasets(dataset=dataset)
    checks.integers(count=count, batch_size=batch_size, limit=checks.LARGEST)
    if counts is not None:
        checks.integer_tuples(counts=counts, length=strategy.num_replicas_in_sync)
    if strategy.num_replicas_in_sync == 1:
        return dataset
    mine = numbered(dataset, share(strategy), count, batch_size, counts)
    return distribute(mine, strategy)


def _check(strategy):
    is_strategy = hasattr(strategy, "cluster_resolver")
    checks.check("strategy", strategy, is_strategy, "what `kerasdl.distribute.strategy` returns")


def distribute(dataset: tf.data.Dataset, strategy: tf.distribute.Strategy):
    """Return a distributed dataset whose elements go to this process's replicas in turn."""
    return strategy.distribute_datasets_from_function(lambda context: dataset)


def split(dataset: tf.data.Dataset, share: Share) -> tf.data.Dataset:
    """Split every global batch into this process's `ReplicaBatch`es, one element each."""

    def replica_batches(*data):
        data = data if len(data) > 1 else data[0]
        rows = tf.shape(next(v for v in tf.nest.flatten(data)), "int64")[0]

        def rows_of(replica):
            first, last = bounds(rows, replica, share.total)
            mine = tf.nest.map_structure(lambda value: value[first:last], data)
            return replica_batch(mine, rows, replica, share.total)

        return tf.data.Dataset.range(share.replicas.start, share.replicas.stop).map(rows_of)

    return dataset.flat_map(replica_batches)


def replica_batch(data, rows, replica, total) -> ReplicaBatch:
    """Return the `ReplicaBatch` of a replica that has its rows of a batch of `rows` already."""
    first, last = bounds(rows, replica, total)
    fraction = tf.where(rows >= total, (last - first) / rows, 1 / total)
    return ReplicaBatch(data, tf.cast(fraction, "float32"), (rows >= total) | (replica == 0))


def numbered(
    dataset: tf.data.Dataset,
    share: Share,
    count: int,
    batch_size: int,
    counts: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """Make `ReplicaBatch`es of a dataset that gives only this process's rows.

    Args:
        dataset: The rows of each replica here, in the order of steps and replicas.
        share: The process's share.
        count: int, number of examples in an epoch.
        batch_size: int, size of a global batch.
        counts: Number of examples of each replica, if each replica reads files of its own.
    """
    steps = batches.steps(counts, batch_size) if counts else None

    def from_own_files(step, replica, data):
        sizes = batches.part(tf.constant(counts, "int64"), step, steps)
        fraction = tf.gather(sizes, replica) / tf.reduce_sum(sizes)
        return ReplicaBatch(data, tf.cast(fraction, "float32"), True)

    def number_rows(number, data):
        step, replica = number // share.here, share.first + number % share.here
        if counts:
            return from_own_files(step, replica, data)
        rows = tf.minimum(count - step * batch_size, batch_size)
        return replica_batch(data, rows, replica, share.total)

    return dataset.enumerate().map(number_rows)
