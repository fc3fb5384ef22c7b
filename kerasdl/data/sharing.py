"""Global batches, cut for replicas: the same examples in the same order, whatever their number."""

import dataclasses


def bounds(rows, replica, total):
    """Which rows of a batch a replica gets, from and to; the numbers may be tensors.

    Consecutive parts, as even as can be. With fewer rows than replicas each gets them all: an
    empty part would break statistics, and some of TensorFlow's kernels.

    >>> [bounds(7, r, 3) for r in range(3)], bounds(2, 1, 3)
    ([(0, 2), (2, 4), (4, 7)], (0, 2))
    """
    all_of_them = rows // total == 0  # a bool or a tensor of it
    if isinstance(all_of_them, bool):
        first, last = rows * replica // total, rows * (replica + 1) // total
        return (0, rows) if all_of_them else (first, last)
    import tensorflow as tf

    few = tf.cast(all_of_them, rows.dtype)
    first, last = rows * replica // total, rows * (replica + 1) // total
    return first * (1 - few), last * (1 - few) + rows * few


@dataclasses.dataclass(frozen=True)
class Share:
    """Consecutive replicas: those of one process.

    Args:
        first: Number of the first of them.
        here: How many they are.
        total: How many there are in all.
    """

    first: int
    here: int
    total: int

    @property
    def replicas(self):
        return range(self.first, self.first + self.here)

    def cut(self, order):
        """From a data set of (epoch, rows of a batch) to one with each part as an element."""
        import tensorflow as tf

        replicas = tf.data.Dataset.range(self.replicas.start, self.replicas.stop)

        def parts(epoch, rows):
            def part(replica):
                first, last = bounds(tf.shape(rows, "int64")[0], replica, self.total)
                return epoch, rows[first:last]

            return replicas.map(part)

        return order.flat_map(parts, name="order")

    def sizes(self, count, batch_size):
        """Examples of each part of an epoch."""
        steps = [batch_size] * (count // batch_size) + [count % batch_size] * bool(
            count % batch_size
        )
        spans = [bounds(rows, replica, self.total) for rows in steps for replica in self.replicas]
        return [last - first for first, last in spans]
