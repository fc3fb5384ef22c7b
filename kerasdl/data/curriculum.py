"""A curriculum: which examples an epoch draws from, and in which order."""

import dataclasses
import inspect
from typing import Any

import numpy as np

from kerasdl import checks, errors
from kerasdl.data import splitting

START = 498247692  # what `index_shuffle` puts in front of a key


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """Easy examples first: in stages of several epochs, within each epoch, or both.

        stage of epoch e:  s = min(S, 1 + floor(e / n))      its pool: the ceil(N s / S) easiest

    Every epoch has as many examples as the whole set: an early stage takes each of its own several
    times. So steps, checkpoints and learning rates are those of training without a curriculum.

    Args:
        difficulty: A number for each training example, or a function from the arrays of inputs and
            targets to them.
        stages: How many there are; the last one has all examples. 1: the whole set at once.
        epochs: n, the epochs of each stage; the last one goes on.
        ordered: Whether an epoch goes from the easiest of its pool to the hardest. Otherwise chance
            orders it.

    Example:
        >>> import kerasdl.data
        >>> def ink(images, labels):
        ...     return images.mean(axis=(1, 2, 3))
        >>> splits = kerasdl.data.load("digits", curriculum=Curriculum(ink, stages=3, epochs=2))

    Spec: TRN-03, TRN-04
    Reference: Bengio, Louradour, Collobert, Weston (2009), Curriculum Learning.
    """

    difficulty: Any
    stages: int = 3
    epochs: int = 1
    ordered: bool = False

    def __post_init__(self):
        for name in ("stages", "epochs"):
            splitting.check_integer(name, getattr(self, name), 1, "argument")
        checks.argument("ordered", self.ordered, checks.FLAG)

    def rank(self, train):
        """Rows of the training examples, the easiest first."""
        difficulty, total = self.difficulty, splitting.count(train)
        if callable(difficulty):
            if not isinstance(train, tuple):
                expected = "numbers, not a function, where examples are read from files"
                raise errors.InvalidInput("difficulty of a curriculum", expected, difficulty)
            if not _takes(difficulty, train):
                expected = "a function of inputs and targets"
                raise errors.InvalidInput("difficulty of a curriculum", expected, difficulty)
            difficulty = difficulty(*train)
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

    def chooser(self, train, seed):
        """From places in an epoch, and the epoch, to the rows that stand there; all are tensors."""
        import tensorflow as tf

        ranked = tf.constant(self.rank(train), "int64")
        total = len(ranked)

        def choose(places, epoch):
            stage = tf.minimum(epoch // self.epochs + 1, self.stages)
            pool = -(-total * stage // self.stages)
            if self.ordered:
                return tf.gather(ranked, places * pool // total)
            # each round through the pool has its own order; `index_shuffle` takes one key only, and
            # a key of zeros would hardly shuffle
            key = [tf.cast(part, "int32") for part in (places // pool + START, seed, epoch)]
            key = tf.stack([tf.broadcast_to(part, tf.shape(places)) for part in key], axis=1)
            rows = tf.raw_ops.RandomIndexShuffle(
                index=places % pool, seed=key, max_index=tf.fill(tf.shape(places), pool - 1)
            )
            return tf.gather(ranked, rows)

        return choose


def _takes(function, arguments):
    """Whether a function can be called with these, as far as it says so."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # one of C has no signature
        return True
    return True
