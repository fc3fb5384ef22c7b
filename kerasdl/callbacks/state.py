"""Everything that training changes: what must be put back to be where one was."""

import keras
import numpy as np


def optimizers_of(model: keras.Model) -> list[keras.Optimizer]:
    """All of them: a GAN has two."""
    found = {id(v): v for v in vars(model).values() if isinstance(v, keras.Optimizer)}
    if model.optimizer:
        found[id(model.optimizer)] = model.optimizer
    return list(found.values())


def variables_of(model: keras.Model) -> list:
    """Every variable that an epoch hands on: weights, seeds and the optimizers' memories."""
    slots = [v for optimizer in optimizers_of(model) for v in optimizer.variables]
    # `save_weights` leaves out the seeds; metrics begin anew, and only all workers can read them
    metrics = {id(variable) for variable in model.metrics_variables}
    return [*(v for v in model.variables if id(v) not in metrics), *slots]


def copy(variables) -> list[np.ndarray]:
    # what `numpy` gives may be the variable's own memory
    return [np.array(variable) for variable in variables]


def put(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def is_finite(model: keras.Model) -> bool:
    """Whether no trainable weight holds a NaN or an infinity."""
    return all(np.isfinite(np.asarray(weight)).all() for weight in model.trainable_weights)
