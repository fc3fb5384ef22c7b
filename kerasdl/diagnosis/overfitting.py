"""Test whether a model can learn at all: it must be able to overfit one batch."""

import contextlib
import dataclasses

import keras
import numpy as np
import tensorflow as tf

from kerasdl.diagnosis import temporary_training
from kerasdl.utils import checks
from kerasdl.utils.types import Arrays


@dataclasses.dataclass(frozen=True)
class Overfit:
    """Result of `overfit_one_batch`.

    Args:
        losses: array, the loss of each step.
        goal: float, the loss to reach.
        reached: bool, whether it was reached.
    """

    losses: np.ndarray
    goal: float
    reached: bool

    @property
    def final(self) -> float:
        """The loss of the last step."""
        return float(self.losses[-1])


def overfit_one_batch(
    model: keras.Model,
    data: tf.data.Dataset | Arrays,
    *,
    steps: int = 1000,
    goal: float = 1e-3,
    learning_rate: float | None = None,
) -> Overfit:
    """Train on one batch until its loss is below `goal`; then restore the model.

    A model that fails is broken, whatever its data: its labels do not reach the loss, its gradients
    do not reach the weights, or it is too small to tell the examples apart. Dropout and
    augmentation keep the loss up: leave them out, or raise the goal.

    Weights, optimizer, metrics and seeds are restored. The dataset has been iterated once more,
    which matters only if it shuffles differently in each pass.

    Args:
        model: `keras.Model`, compiled.
        data: a `tf.data.Dataset` of batches, of which the first is used, or arrays.
        steps: int, the largest number of training steps.
        goal: float, the loss to reach.
        learning_rate: float, used instead of the optimizer's own; by default (`None`) the
            optimizer's, whose schedule may start with a slow warm-up.

    Returns:
        An `Overfit`.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        >>> model.compile(keras.optimizers.SGD(0.1), "mse")
        >>> overfit_one_batch(model, (np.eye(2), 1 - np.eye(2))).reached
        True
    """
    checks.models(model=model)
    checks.integers(steps=steps, limit=checks.LARGEST)
    checks.numbers(goal=goal)
    checks.learning_rates(learning_rate=learning_rate, optional=True)
    _, batch = temporary_training.batches(data)
    losses = []
    replaced_rate: contextlib.AbstractContextManager = contextlib.nullcontext()
    if learning_rate is not None:
        replaced_rate = temporary_training.learning_rate_variable(model, learning_rate)
    with temporary_training.restored(model, batch), replaced_rate:
        step = temporary_training.training_step(model)
        for _ in range(steps):
            losses.append(step(batch))
            if losses[-1] < goal or not np.isfinite(losses[-1]):
                break
    return Overfit(np.array(losses), goal, bool(losses[-1] < goal))
