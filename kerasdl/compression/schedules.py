"""How sparse a network is after each step of training."""

import dataclasses

import tensorflow as tf

from kerasdl.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class Polynomial:
    """Sparsity that grows quickly while much is superfluous, then ever more slowly.

        s(t) = s_end + (s_begin - s_end) (1 - (t - begin) / (end - begin))^power

    A schedule is any function of the step that gives (whether masks are renewed, sparsity), such as
    those of TFMOT. Unlike theirs, this one renews masks at `end` in any case: the final sparsity is
    reached whatever `frequency` is.

    Args:
        final: Sparsity from step `end` on.
        end: Last step at which masks are renewed.
        begin: First step at which masks are renewed.
        initial: Sparsity at `begin`.
        power: 3 as in the paper; 1 is a straight line.
        frequency: Steps between two renewals.

    Reference: Zhu, Gupta (2017), To prune, or not to prune.
    """

    final: float
    end: int
    begin: int = 0
    initial: float = 0.0
    power: float = 3.0
    frequency: int = 10

    def __post_init__(self):
        for name in ("initial", "final"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidInput(f"`{name}` sparsity", "0 <= sparsity < 1", getattr(self, name))
        if not 0 <= self.begin <= self.end or self.frequency < 1:
            raise InvalidInput("pruning schedule", "0 <= begin <= end and frequency >= 1", self)

    def __call__(self, step):
        step = tf.convert_to_tensor(step)
        past = tf.cast(step - self.begin, "float32") / max(self.end - self.begin, 1)
        left = 1 - tf.clip_by_value(past, 0.0, 1.0)
        sparsity = self.final + (self.initial - self.final) * left**self.power
        regular = (step >= self.begin) & ((step - self.begin) % self.frequency == 0)
        return (regular & (step < self.end)) | (step == self.end), sparsity


def constant(sparsity: float) -> Polynomial:
    """All at once, before the first step."""
    return Polynomial(final=sparsity, begin=1, end=1, initial=sparsity)
