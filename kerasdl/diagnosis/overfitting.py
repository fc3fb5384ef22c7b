"""Can a model learn anything? It must be able to learn one batch by heart."""

import contextlib
import dataclasses
import numbers

import keras
import numpy as np

from kerasdl import checks
from kerasdl.diagnosis import trial

NUMBER = (lambda value: isinstance(value, numbers.Real) and value == value, "a number")


@dataclasses.dataclass(frozen=True)
class Overfit:
    """What came of it.

    Args:
        losses: Of each step.
        goal: What the loss had to reach.
        reached: Whether it did.
    """

    losses: np.ndarray
    goal: float
    reached: bool

    @property
    def final(self) -> float:
        return float(self.losses[-1])


def overfit_one_batch(
    model: keras.Model,
    data,
    *,
    steps: int = 1000,
    goal: float = 1e-3,
    learning_rate: float | None = None,
) -> Overfit:
    """Train on one batch again and again until its loss is `goal`; then put everything back.

    A model that cannot is broken, whatever its data: its labels do not reach the loss, its
    gradients do not reach the weights, or it is too small to tell the examples apart. Dropout and
    augmentation keep the loss up: leave them out, or give a higher goal. One limit to what is put
    back: a data set that shuffles anew in each pass has been passed once more.

    Args:
        model: Compiled.
        data: A `tf.data.Dataset` of batches, of which the first is taken, or arrays.
        steps: At most.
        goal: The loss to reach.
        learning_rate: In place of the optimizer's own, whose schedule may rise slowly.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        >>> model.compile(keras.optimizers.SGD(0.1), "mse")
        >>> overfit_one_batch(model, (np.eye(2), 1 - np.eye(2))).reached
        True

    Spec: DBG-05, TRN-15
    """
    checks.argument("steps", steps, checks.POSITIVE)
    checks.argument("goal", goal, NUMBER)
    if learning_rate is not None:
        checks.argument("learning_rate", learning_rate, checks.WEIGHT)
    _, batch = trial.batches(data)
    losses = []
    own = learning_rate is None
    rate = contextlib.nullcontext() if own else trial.rate_of(model, learning_rate)
    with trial.trial(model, batch), rate:
        step = trial.stepper(model)
        for _ in range(steps):
            losses.append(step(batch))
            if losses[-1] < goal or not np.isfinite(losses[-1]):
                break
    return Overfit(np.array(losses), goal, bool(losses[-1] < goal))
