"""Sharing by file: each replica reads files of its own, one after the other.

Where reading here and there is dear, only whole files are cheap. Files are of unequal lengths, so
that replicas have unequal parts of each batch; a plan says how large every part is, everywhere.
"""

import dataclasses

from kerasdl import errors

BUFFER = 2048  # records that are shuffled among each other


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which files each replica reads, and how many of their examples are in each step.

        step s of replica r: rows N_r s // steps to N_r (s + 1) // steps of its N_r

    Args:
        files: Numbers of the files of each replica.
        counts: Examples of each replica.
        batch_size: Size of a global batch, at most.
    """

    files: tuple
    counts: tuple
    batch_size: int

    @classmethod
    def of(cls, lengths, replicas: int, batch_size: int) -> "Plan":
        """The longest file left goes to the replica with the fewest examples, again and again.

        >>> Plan.of([5, 9, 4, 4], replicas=2, batch_size=4).counts
        (13, 9)
        """
        if len(lengths) < replicas:
            expected = f"at least one for each of the {replicas} replicas"
            raise errors.InvalidInput("number of files to train on", expected, len(lengths))
        files, counts = [[] for _ in range(replicas)], [0] * replicas
        for file in sorted(range(len(lengths)), key=lambda file: -lengths[file]):
            replica = counts.index(min(counts))
            files[replica].append(file)
            counts[replica] += lengths[file]
        plan = cls(tuple(map(tuple, files)), tuple(counts), batch_size)
        if min(counts) < plan.steps:
            expected = f"files that give each replica at least {plan.steps} examples, one a step"
            raise errors.InvalidInput("sharing by file", expected, f"as few as {min(counts)}")
        return plan

    @property
    def steps(self):
        return steps(self.counts, self.batch_size)

    def sizes(self, replica):
        """Of a replica's part of each step."""
        return [part(self.counts[replica], step, self.steps) for step in range(self.steps)]


def steps(counts, batch_size):
    return -(-sum(counts) // batch_size)


def part(count, step, steps):
    """How many of a replica's examples are in a step; the numbers may be tensors."""
    return count * (step + 1) // steps - count * step // steps


def order(records, plan: Plan, share, seed, epoch, first=0):
    """Parts of batches as (epoch, rows, data), from the step `first` on, replica after replica.

    Iterating adds one to `epoch`. The files come in an order of their own every epoch, and records
    in one of theirs among `BUFFER` that follow each other: functions of (seed, epoch) alone.
    """
    import tensorflow as tf

    def part_of(replica, epoch):
        files = shuffled(tf.constant(plan.files[replica], "int64"), epoch, -1 - replica)
        rows = tf.data.Dataset.from_tensor_slices(files).flat_map(records.read_file)
        chunks = rows.batch(BUFFER).enumerate()
        mixed = chunks.map(
            lambda chunk, batch: tuple(shuffled(part, epoch, chunk, replica) for part in batch)
        )
        return mixed.rebatch(plan.sizes(replica)).skip(first)

    def shuffled(values, epoch, *which):
        total = tf.shape(values, "int64")[0]
        key = tf.stack([tf.cast(n, "int32") for n in (seed, epoch)])
        for number in which:  # another permutation for each
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
