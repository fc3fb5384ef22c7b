"""Pruning schedules: the sparsity after each step of training."""

import dataclasses

import tensorflow as tf

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


@dataclasses.dataclass(frozen=True)
class Polynomial:
    """Sparsity that grows fast at first, while many weights are redundant, and then more slowly.

        s(t) = s_end + (s_begin - s_end) (1 - (t - begin) / (end - begin))^power

    A schedule is any function of the step that returns (whether to update the masks, sparsity),
    such as TFMOT's. Unlike those, this one always updates the masks at `end`, so the final sparsity
    is reached whatever `frequency` is.

    Args:
        final: float, sparsity from step `end` on, in [0, 1).
        end: int, last step at which the masks are updated.
        begin: int, first step at which the masks are updated.
        initial: float, sparsity at `begin`, in [0, 1).
        power: float, exponent, at most 100. The default, 3, is that of the paper; 1 is linear.
        frequency: int, steps between two updates of the masks.

    Reference: Zhu, Gupta (2017), To prune, or not to prune.
    """

    final: float
    end: int
    begin: int = 0
    initial: float = 0.0
    power: float = 3.0
    frequency: int = 10

    def __post_init__(self):
        checks.fractions(initial=self.initial, final=self.final)
        checks.numbers(above=0, limit=100, power=self.power)
        checks.integers(frequency=self.frequency, limit=checks.LARGEST)
        checks.integers(begin=self.begin, end=self.end, at_least=0, limit=checks.LARGEST)
        if self.begin > self.end:
            raise InvalidInput("pruning schedule", "0 <= begin <= end", self)

    def __call__(self, step):
        step = tf.convert_to_tensor(step)
        past = tf.cast(step - self.begin, "float32") / max(self.end - self.begin, 1)
        left = 1 - tf.clip_by_value(past, 0.0, 1.0)
        sparsity = self.final + (self.initial - self.final) * left**self.power
        regular = (step >= self.begin) & ((step - self.begin) % self.frequency == 0)
        return (regular & (step < self.end)) | (step == self.end), sparsity


def constant(sparsity: float) -> Polynomial:
    """Return a schedule that prunes to the final sparsity before the first step."""
    return Polynomial(final=sparsity, begin=1, end=1, initial=sparsity)
