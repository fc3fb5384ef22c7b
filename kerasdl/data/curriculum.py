"""Curriculum learning: train on the easiest examples first."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasdl import errors
from kerasdl.data.examples import Examples
from kerasdl.utils import checks

START = 498247692  # `index_shuffle` prepends it to a key


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """Train on easy examples first: in stages of several epochs, within each epoch, or both.

        stage of epoch e:  s = min(S, 1 + floor(e / n))      its pool: the ceil(N s / S) easiest

    Every epoch has as many examples as the dataset; an early stage repeats the examples of its
    pool. So the number of steps, checkpoints and learning rates are those of ordinary training.

    Args:
        difficulty: A number for each training example, or a function from the arrays of inputs and
            targets to these numbers.
        stages: int, S, number of stages; the last one has all examples. With 1, every epoch has.
        epochs: int, n, epochs of each stage but the last, which never ends.
        ordered: bool, go from the easiest example of the pool to the hardest within an epoch.
            By default the order is random.

    Example:
        >>> import kerasdl.data
        >>> def ink(images, labels):
        ...     return images.mean(axis=(1, 2, 3))
        >>> splits = kerasdl.data.load("digits", curriculum=Curriculum(ink, stages=3, epochs=2))

    Reference: Bengio, Louradour, Collobert, Weston (2009), Curriculum Learning.
    """

    difficulty: Any
    stages: int = 3
    epochs: int = 1
    ordered: bool = False

    def __post_init__(self):
        checks.integers(stages=self.stages, epochs=self.epochs, limit=checks.LARGEST)
        checks.flags(ordered=self.ordered)
        if not callable(self.difficulty) or isinstance(self.difficulty, type):
            checks.arrays(difficulty=self.difficulty)

    def rank(self, train: Examples) -> np.ndarray:
        """Return the rows of the training examples, the easiest first."""
        difficulty, total = self.difficulty, len(train)
        if callable(difficulty):
            if train.arrays is None:
                expected = "numbers, not a function, if examples are read from files"
                raise errors.InvalidInput("difficulty of a curriculum", expected, difficulty)
            if not _takes(difficulty, train.arrays):
                expected = "a function of inputs and targets"
                raise errors.InvalidInput("difficulty of a curriculum", expected, difficulty)
            difficulty = difficulty(*train.arrays)
        difficulty = np.asarray(difficulty)
        if difficulty.shape != (total,):
            expected = f"a number for each of {total} training examples"
            raise errors.InvalidInput("difficulty", expected, f"shape {difficulty.shape}")
        if difficulty.dtype.kind not in "biuf":
            raise errors.InvalidInput("difficulty", "finite numbers", repr(difficulty[0]))
        if not np.isfinite(difficulty).all():
            received = difficulty[~np.isfinite(difficulty)][0]
            raise errors.InvalidInput("difficulty", "finite numbers", received)
        return np.argsort(difficulty, kind="stable")

    def chooser(self, train: Examples, seed: int) -> Callable:
        """Return a function from places in an epoch, and the epoch, to rows; all are tensors."""
        import tensorflow as tf

        with tf.device("CPU:0"):
            ranked = tf.constant(self.rank(train), "int64")
        total = len(ranked)

        def choose(places, epoch):
            stage = tf.minimum(epoch // self.epochs + 1, self.stages)
            pool = -(-total * stage // self.stages)
            if self.ordered:
                return tf.gather(ranked, places * pool // total)
            # each pass over the pool has its own order; `index_shuffle` takes one key only, and a
            # key of zeros would hardly shuffle
            key = [tf.cast(part, "int32") for part in (places // pool + START, seed, epoch)]
            key = tf.stack([tf.broadcast_to(part, tf.shape(places)) for part in key], axis=1)
            rows = tf.raw_ops.RandomIndexShuffle(
                index=places % pool, seed=key, max_index=tf.fill(tf.shape(places), pool - 1)
            )
            return tf.gather(ranked, rows)

        return choose


def _takes(function, arguments):
    """Whether a function can be called with the arguments, as far as its signature says."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # a function of C without a signature
        return True
    return True
