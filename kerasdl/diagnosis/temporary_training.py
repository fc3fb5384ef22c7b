"""Train for a few steps and restore everything that they changed."""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random import seed_generator

from kerasdl.callbacks import nonfinite, state
from kerasdl.errors import InvalidInput


@contextlib.contextmanager
def restored(model: keras.Model, batch) -> Iterator[None]:
    """Restore weights, optimizers, metrics and seeds after the `with` block.

    Args:
        model: `keras.Model`, compiled. It is built from `batch` if it is not built yet.
        batch: what `train_step` takes.
    """
    if not model.compiled:
        received = f"`{model.name}`, which is not"
        raise InvalidInput("model to train", "one that is compiled", received)
    if not model.built:
        model._symbolic_build(data_batch=batch)
    for optimizer in state.optimizers_of(model):
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
    variables = state.variables_of(model)
    values = state.copy(variables)
    try:
        with restored_seeds():
            yield
    finally:
        state.put(variables, values)
        model.reset_metrics()


@contextlib.contextmanager
def restored_seeds() -> Iterator[None]:
    """Restore the global seed generator, which layers without a seed of their own draw from.

    Keras makes it on first use, from Python's random numbers.
    """
    name = seed_generator.GLOBAL_SEED_GENERATOR
    generator, python_state = global_state.get_global_attribute(name), random.getstate()
    values = state.copy([generator.state] if generator else [])
    try:
        yield
    finally:
        if generator:
            state.put([generator.state], values)
        else:
            global_state.set_global_attribute(name, None)
            random.setstate(python_state)


@contextlib.contextmanager
def learning_rate_variable(model: keras.Model, value: float) -> Iterator[tf.Variable]:
    """Replace the learning rate of all optimizers by one variable inside the `with` block."""
    variable = tf.Variable(value, dtype="float32")
    optimizers = [getattr(o, "inner_optimizer", o) for o in state.optimizers_of(model)]
    before = [optimizer._learning_rate for optimizer in optimizers]

    def assign(learning_rates):
        for optimizer, learning_rate in zip(optimizers, learning_rates, strict=True):
            # a plain assignment would make Keras track it
            object.__setattr__(optimizer, "_learning_rate", learning_rate)

    assign([lambda: variable] * len(optimizers))
    try:
        yield variable
    finally:
        assign(before)


def training_step(model: keras.Model) -> Callable[..., float]:
    """Return a function that takes one training step on a batch and returns its loss."""
    run = tf.function(model.train_step, reduce_retracing=True, jit_compile=bool(model.jit_compile))

    def step(batch):
        model.reset_metrics()  # they are means since the last reset
        return float(sum(map(float, nonfinite.losses_of(run(batch)).values())))

    return step


def batches(data, batch_size: int = 32) -> tuple[tf.data.Dataset, object]:
    """Return a dataset of batches, made from arrays if need be, and its first batch."""
    if not isinstance(data, tf.data.Dataset):
        data = tf.data.Dataset.from_tensor_slices(arrays_of(data)).batch(batch_size)
    shapes = [getattr(spec, "shape", None) for spec in tf.nest.flatten(data.element_spec)]
    if any(shape is not None and shape.rank == 0 for shape in shapes):
        raise InvalidInput("data", "a dataset of batches, made by `batch`", data.element_spec)
    first = next(iter(data), None)
    if first is None:
        raise InvalidInput("data", "at least one batch", "none")
    return data, first


def arrays_of(data) -> Any:
    """Return nested arrays as tuples, which must have the same length."""
    data = _tuples(data)
    sizes = {len(a) if np.ndim(a) else None for a in tf.nest.flatten(data)}
    if len(sizes) != 1 or None in sizes:
        kinds = [getattr(a, "shape", type(a).__name__) for a in tf.nest.flatten(data)]
        raise InvalidInput("data", "a tf.data.Dataset, or arrays of one length", kinds)
    return data


def _tuples(data):
    """Lists of arrays as tuples, which TensorFlow does not stack; lists of numbers as arrays."""
    if isinstance(data, dict):
        return {name: _tuples(value) for name, value in data.items()}
    if not isinstance(data, list | tuple):
        return data
    held = any(hasattr(value, "shape") for value in tf.nest.flatten(data))
    return tuple(map(_tuples, data)) if held or isinstance(data, tuple) else np.asarray(data)
