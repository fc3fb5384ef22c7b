"""The variables that training changes: copy them, and restore them."""

import math
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from kerasdl.utils import memory


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


def view(variable: keras.Variable) -> np.ndarray:
    """Return the value of a variable as an array. It is copied only from another device.

    The array is read-only and never changes: TensorFlow writes to new memory while an array uses
    the old one.
    """
    return np.asarray(tf.convert_to_tensor(variable))


def copy(variables: Iterable) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    return [np.array(view(variable)) for variable in variables]


def put(variables: Iterable, values: Iterable):
    """Assign values to variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def is_finite(model: keras.Model) -> bool:
    """Return whether no trainable weight contains a NaN or an infinity."""
    return all(np.isfinite(view(weight)).all() for weight in model.trainable_weights)


def size_of(variables: Iterable) -> int:
    """Return the bytes that the values of variables take."""
    return sum(math.prod(v.shape) * tf.as_dtype(v.dtype).size for v in variables)


class Snapshot:
    """A copy of a model's state between two steps, in memory that the next copy uses again.

    Several callbacks may share one, so that a training keeps no more than one copy.

    Attributes:
        place: (epoch, step), the position of the copy in the training; `None` if there is none.
        values: list of arrays, in the order of `variables_of`.
        held: bool, whether another thread reads the arrays, so that they must not change.
    """

    def __init__(self):
        self.place: tuple[int, int] | None = None
        self.values: list[np.ndarray] = []
        self.held = False

    def take(self, model: keras.Model, place: tuple[int, int]) -> bool:
        """Copy the state; return whether that was possible.

        It is not if the copy is held, if a weight is NaN or infinite, or if the copy would take
        more than half of the available memory.
        """
        if self.held or not is_finite(model):
            return False
        variables = variables_of(model)
        self.place = None  # until the copy is complete
        shapes = [(tuple(v.shape), tf.as_dtype(v.dtype).as_numpy_dtype) for v in variables]
        if shapes != [(value.shape, value.dtype) for value in self.values]:
            self.values = []
            if size_of(variables) > memory.available() / 2:
                return False
            self.values = [np.empty(*each) for each in shapes]
        for value, variable in zip(self.values, variables, strict=True):
            np.copyto(value, view(variable))
        self.place = place
        return True
