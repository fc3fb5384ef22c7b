"""Divide global batches among replicas, so that together they see the examples of one replica.

A process's *share* is the part of every global batch that its replicas read. Replicas read either
any records (`Share.cut`) or whole files (`Plan`).
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from kerasdl import errors
from kerasdl.utils import checks

if TYPE_CHECKING:  # kerasdl.data imports it when something is loaded
    import tensorflow as tf

    from kerasdl.data.readers.tfrecords import WholeFiles

    Number: TypeAlias = int | tf.Tensor

BUFFER = 2048  # records of a file that are shuffled among each other


def bounds(rows: "Number", replica: "Number", total: int) -> tuple["Number", "Number"]:
    """Return which rows of a batch a replica gets, from and to; all may be tensors.

    The parts are consecutive and as even as possible. If there are fewer rows than replicas, each
    replica gets all rows: an empty part would make statistics NaN, and some of TensorFlow's
    kernels fail on it.

    >>> [bounds(7, r, 3) for r in range(3)], bounds(2, 1, 3)
    ([(0, 2), (2, 4), (4, 7)], (0, 2))
    """
    all_of_them = rows // total == 0  # a bool, or a tensor of one
    if isinstance(all_of_them, bool):
        first, last = rows * replica // total, rows * (replica + 1) // total
        return (0, rows) if all_of_them else (first, last)
    import tensorflow as tf

    few = tf.cast(all_of_them, tf.convert_to_tensor(rows).dtype)
    first, last = rows * replica // total, rows * (replica + 1) // total
    return first * (1 - few), last * (1 - few) + rows * few


@dataclasses.dataclass(frozen=True)
class Share:
    """The replicas of one process, for `load(share=)`; see `kerasdl.distribute.share`.

    Args:
        first: int, number of the first of them.
        here: int, how many they are; their numbers are consecutive.
        total: int, how many replicas all processes have.
    """

    first: int
    here: int
    total: int

    def __post_init__(self):
        checks.integers(here=self.here, total=self.total)
        checks.integers(first=self.first, at_least=0, below=self.total)
        checks.integers(here=self.here, below=self.total - self.first + 1)

    @property
    def replicas(self) -> range:
        """Numbers of the replicas of this process."""
        return range(self.first, self.first + self.here)

    def cut(self, order: "tf.data.Dataset") -> "tf.data.Dataset":
        """Turn a dataset of (epoch, rows of a batch) into one with each part as an element."""
        import tensorflow as tf

        replicas = tf.data.Dataset.range(self.replicas.start, self.replicas.stop)

        def parts(epoch, rows):
            def part(replica):
                first, last = bounds(tf.shape(rows, "int64")[0], replica, self.total)
                return epoch, rows[first:last]

            return replicas.map(part)

        return order.flat_map(parts, name="order")

    def sizes(self, count: int, batch_size: int) -> list[int]:
        """Return the number of examples in each part of an epoch.

        Args:
            count: int, examples of the epoch in all processes.
            batch_size: int, examples of a global batch.
        """
        batches = [min(batch_size, count - start) for start in range(0, count, batch_size)]
        spans = [bounds(rows, replica, self.total) for rows in batches for replica in self.replicas]
        return [last - first for first, last in spans]


# ---- whole files


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which files each replica reads, and how many of their examples each step has.

        step s of replica r: examples N_r s // steps to N_r (s + 1) // steps of its N_r

    If random reads are slow, each replica should read files of its own from start to end. The
    files have different lengths, so replicas have parts of different sizes in each batch.

    Args:
        files: tuple, the numbers of the files of each replica.
        counts: tuple of int, examples of each replica.
        batch_size: int, largest size of a global batch.
    """

    files: tuple
    counts: tuple
    batch_size: int

    @classmethod
    def of(cls, lengths: Sequence[int], replicas: int, batch_size: int) -> "Plan":
        """Assign files, longest first, each to the replica with the fewest examples so far.

        Args:
            lengths: Number of examples of each file.
            replicas: int, number of replicas.
            batch_size: int, largest size of a global batch.

        >>> Plan.of([5, 9, 4, 4], replicas=2, batch_size=4).counts
        (13, 9)
        """
        if len(lengths) < replicas:
            expected = f"at least one for each of the {replicas} replicas"
            raise errors.InvalidInput("number of files to train on", expected, len(lengths))
        files: list[list[int]] = [[] for _ in range(replicas)]
        counts = [0] * replicas
        for file in sorted(range(len(lengths)), key=lambda file: -lengths[file]):
            replica = counts.index(min(counts))
            files[replica].append(file)
            counts[replica] += lengths[file]
        plan = cls(tuple(map(tuple, files)), tuple(counts), batch_size)
        if min(counts) < plan.steps:
            expected = f"files that give each replica at least {plan.steps} examples, one a step"
            raise errors.InvalidInput("files for shard='file'", expected, f"only {min(counts)}")
        return plan

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return steps(self.counts, self.batch_size)

    def sizes(self, replica: int) -> list[int]:
        """Return the number of a replica's examples in each step."""
        return [part(self.counts[replica], step, self.steps) for step in range(self.steps)]


def steps(counts: Sequence[int], batch_size: int) -> int:
    """Return the steps of an epoch, given the examples of each replica."""
    return -(-sum(counts) // batch_size)


def part(count: "Number", step: "Number", steps: "Number") -> "Number":
    """Return how many of a replica's `count` examples are in a step; all may be tensors."""
    return count * (step + 1) // steps - count * step // steps


def order_of_files(
    examples: "WholeFiles",
    plan: Plan,
    share: Share,
    seed: int,
    epoch: "tf.Variable",
    first: int = 0,
) -> "tf.data.Dataset":
    """Return parts of batches as (epoch, rows, data), the replicas of this process in turn.

    Iterating adds one to `epoch`. The order of a replica's files, and that of the records among
    `BUFFER` consecutive ones, are functions of (seed, epoch) only.

    Args:
        examples: `WholeFiles` of the training split.
        plan: Which replica reads which files.
        share: The replicas of this process.
        seed: int, decides on the order.
        epoch: tf.Variable of the epoch that was read last.
        first: int, step to begin with.
    """
    import tensorflow as tf

    def part_of(replica, epoch):
        files = shuffled(tf.constant(plan.files[replica], "int64"), epoch, -1 - replica)
        rows = tf.data.Dataset.from_tensor_slices(files).flat_map(examples.read_file)
        chunks = rows.batch(BUFFER).enumerate()
        mixed = chunks.map(
            lambda chunk, batch: tuple(shuffled(part, epoch, chunk, replica) for part in batch)
        )
        return mixed.rebatch(plan.sizes(replica)).skip(first)

    def shuffled(values, epoch, *which):
        total = tf.shape(values, "int64")[0]
        key = tf.stack([tf.cast(n, "int32") for n in (seed, epoch)])
        for number in which:  # each has its own permutation
            key = key + tf.constant([0x3504F333, 0x1E3779B1]) * (tf.cast(number, "int32") + 1)
        rows = tf.range(total, dtype="int64")
        places = tf.random.experimental.index_shuffle(rows, key, max_index=total - 1)
        return tf.gather(values, places)

    def parts(epoch):
        replicas = [part_of(replica, epoch) for replica in share.replicas]
        turns = tf.data.Dataset.range(share.here).repeat(plan.steps - first)
        chosen = tf.data.Dataset.choose_from_datasets(replicas, turns)
        return chosen.map(lambda rows, data: (epoch, rows, data), name="order")

    start = tf.data.Dataset.range(1).map(lambda _: epoch.assign_add(1))
    return start.flat_map(parts, name="order")
