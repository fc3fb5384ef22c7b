"""Training that leaves no trace: what it changed is put back."""

import contextlib
import random

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random import seed_generator

from kerasdl.callbacks import blame, state
from kerasdl.errors import InvalidInput


@contextlib.contextmanager
def trial(model: keras.Model, batch):
    """Build the model if need be, let it train, and put back weights, optimizers and seeds."""
    if not model.compiled:
        raise InvalidInput(
            "model to train", "one that is compiled", f"`{model.name}`, which is not"
        )
    if not model.built:
        model._symbolic_build(data_batch=batch)
    for optimizer in state.optimizers_of(model):
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
    variables = state.variables_of(model)
    values = state.copy(variables)
    try:
        with _seeds():
            yield
    finally:
        state.put(variables, values)
        model.reset_metrics()


@contextlib.contextmanager
def _seeds():
    """Put back what `keras.random` draws from where it is given no seed; it is made when asked."""
    name = seed_generator.GLOBAL_SEED_GENERATOR
    kept, before = global_state.get_global_attribute(name), random.getstate()
    values = state.copy([kept.state] if kept else [])
    try:
        yield
    finally:
        if kept:
            state.put([kept.state], values)
        else:
            global_state.set_global_attribute(name, None)
            random.setstate(before)  # which a new one would begin from


@contextlib.contextmanager
def rate_of(model: keras.Model, rate: float):
    """A variable that every optimizer takes for its learning rate meanwhile."""
    swept = tf.Variable(rate, dtype="float32")
    optimizers = [getattr(o, "inner_optimizer", o) for o in state.optimizers_of(model)]
    kept = [optimizer._learning_rate for optimizer in optimizers]

    def put(rates):
        for optimizer, given in zip(optimizers, rates, strict=True):
            object.__setattr__(optimizer, "_learning_rate", given)  # it tracks what is set plainly

    put([lambda: swept] * len(optimizers))
    try:
        yield swept
    finally:
        put(kept)


def stepper(model: keras.Model):
    """A function of a batch to the loss of one training step on it."""
    run = tf.function(model.train_step, reduce_retracing=True, jit_compile=bool(model.jit_compile))

    def step(batch):
        model.reset_metrics()  # which are means since the last time
        return float(sum(map(float, blame.losses_of(run(batch)).values())))

    return step


def batches(data, batch_size=32) -> tuple:
    """A data set of batches, from one or from arrays, and the first of them."""
    if not isinstance(data, tf.data.Dataset):
        data = tf.data.Dataset.from_tensor_slices(_arrays(data)).batch(batch_size)
    shapes = [getattr(spec, "shape", None) for spec in tf.nest.flatten(data.element_spec)]
    if any(shape is not None and shape.rank == 0 for shape in shapes):
        raise InvalidInput("data", "a data set of batches, made by `batch`", data.element_spec)
    first = next(iter(data), None)
    if first is None:
        raise InvalidInput("data", "at least one batch", "none")
    return data, first


def _arrays(data):
    """Nested arrays, as tuples, of one length."""
    data = _tuples(data)
    sizes = {len(a) if np.ndim(a) else None for a in tf.nest.flatten(data)}
    if len(sizes) != 1 or None in sizes:
        kinds = [getattr(a, "shape", type(a).__name__) for a in tf.nest.flatten(data)]
        raise InvalidInput("data", "a tf.data.Dataset, or arrays of one length", kinds)
    return data


def _tuples(data):
    """Lists that hold arrays as tuples: TensorFlow would stack them."""
    if isinstance(data, dict):
        return {name: _tuples(value) for name, value in data.items()}
    if not isinstance(data, list | tuple):
        return data
    held = any(hasattr(value, "shape") for value in tf.nest.flatten(data))
    return tuple(map(_tuples, data)) if held or isinstance(data, tuple) else np.asarray(data)
