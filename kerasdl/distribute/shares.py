"""Which part of every global batch is read here."""

import tensorflow as tf

from kerasdl.data.sharing import Share
from kerasdl.distribute import parts


def share(strategy: tf.distribute.Strategy) -> Share:
    """What this process reads, for `kerasdl.data.load(share=)`."""
    total = strategy.num_replicas_in_sync
    here = len(strategy.extended.worker_devices)
    number, _ = worker_of(strategy)
    return Share(number * here, here, total)


def worker_of(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Number of this worker, and how many workers there are; the chief is the first."""
    resolver = strategy.cluster_resolver
    jobs = resolver.cluster_spec().as_dict() if resolver else {}
    chiefs, workers = len(jobs.get("chief", [])), len(jobs.get("worker", []))
    if chiefs + workers < 2:
        return 0, 1
    number = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
    return number, chiefs + workers


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes files."""
    return worker_of(strategy)[0] == 0


def pipeline(dataset, strategy: tf.distribute.Strategy, count: int, batch_size: int, counts=None):
    """For `fit`: what was loaded with this process's share.

    A plain `tf.data.Dataset` of global batches can be given to `fit` as it is; every worker then
    runs all of it and keeps its part. Of what `load(share=share(strategy))` gives, each reads only
    its own.

    Args:
        dataset: What `load` gave, mapped as you like, a batch to a batch.
        strategy: What it was loaded for.
        count: Examples of an epoch: `info.counts["train"]`.
        batch_size: Size of a global batch.
        counts: `info.replicas`, for what was loaded with `shard="file"`.
    """
    if strategy.num_replicas_in_sync == 1:
        return dataset
    mine = parts.numbered(dataset, share(strategy), count, batch_size, counts)
    return spread(mine, strategy)


def spread(dataset, strategy):
    return strategy.distribute_datasets_from_function(lambda context: dataset)
