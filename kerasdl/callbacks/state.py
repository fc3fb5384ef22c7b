"""The variables that training changes: copy them, and restore them."""

from collections.abc import Iterable

import keras
import numpy as np


def optimizers_of(model: keras.Model) -> list[keras.Optimizer]:
    """Return all optimizers that a model has as attributes: a GAN has two."""
    found = {id(v): v for v in vars(model).values() if isinstance(v, keras.Optimizer)}
    if model.optimizer:
        found[id(model.optimizer)] = model.optimizer
    return list(found.values())


def variables_of(model: keras.Model) -> list:
    """Return every variable that the next epoch depends on: weights, seeds, optimizer variables.

    `save_weights` omits the seeds. Metrics are not included: each epoch resets them, and of several
    workers only all together can read them.
    """
    slots = [v for optimizer in optimizers_of(model) for v in optimizer.variables]
    metrics = {id(variable) for variable in model.metrics_variables}
    return [*(v for v in model.variables if id(v) not in metrics), *slots]


def copy(variables: Iterable) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    # `numpy()` may return the variable's own memory
    return [np.array(variable) for variable in variables]


def put(variables: Iterable, values: Iterable):
    """Assign values to variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def is_finite(model: keras.Model) -> bool:
    """Return whether no trainable weight contains a NaN or an infinity."""
    return all(np.isfinite(np.asarray(weight)).all() for weight in model.trainable_weights)
