"""Train a subject, the same way for every property."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from kerasdl import distribute
from tests.conformance.common import step
from tests.conformance.inputs import BATCH

SEED = 7


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.5)


def adam():
    return keras.optimizers.Adam(3e-3)


def compiled(subject, optimizer=sgd, options=None, **arguments):
    """Make and compile a new model, with the seed's initial weights."""
    keras.utils.set_random_seed(SEED)
    model = subject.make(**(options or {}))
    model.compile(**subject.learning(optimizer), **arguments)
    if model.optimizer:  # else `fit` traces its step twice, first to create these variables
        model.optimizer.build(model.trainable_variables)
    return model


def dataset(subject, inputs=None):
    """Repeat one batch; a learner without targets gets only inputs."""
    inputs = subject.inputs if inputs is None else inputs
    inputs = tuple(inputs) if isinstance(inputs, list) else inputs
    data = inputs if subject.targets is None else (inputs, subject.targets)
    batch = len(keras.tree.flatten(inputs)[0])
    return tf.data.Dataset.from_tensor_slices(data).batch(batch, drop_remainder=True).repeat()


def history(subject, strategy=None, options=None, synchronized=False, precise=False):
    """Train two epochs of two steps; return losses, metrics and final weights.

    Args:
        synchronized: Use the statistics of all replicas in batch normalization.
        precise: Compute in float64. In float32, rounding decides whether a normalized unit near 0
            passes ReLU, and depends on how a batch is divided.
    """
    with in_float64() if precise else contextlib.nullcontext():
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = compiled(subject, options=options)
        if synchronized:
            distribute.synchronize(model)
        data = dataset(subject, equal_halves(subject.inputs) if normalizes_alone(model) else None)
        fitted = model.fit(data, epochs=2, steps_per_epoch=2, verbose=0, shuffle=False)
    return fitted.history, model.get_weights()


@contextlib.contextmanager
def in_float64():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy(policy)


@functools.lru_cache(maxsize=2)
def still_history(subject):
    """Return `history` on one replica without randomness."""
    return history(subject, options=subject.still)


def normalizes_alone(model):
    """Return whether each replica uses the statistics of its own part of a batch."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
        for layer in model._flatten_layers()
    )


def equal_halves(inputs):
    """Make a batch whose two halves are equal, so that two replicas have equal statistics."""
    return np.concatenate([inputs[: BATCH // 2]] * 2)


@functools.lru_cache(maxsize=1)
def stepped(subject):
    """Train one step, so that offsets and moving statistics differ from their initial values."""
    model = compiled(subject, run_eagerly=True)  # faster than tracing for one step
    step(model, subject)
    return model


@functools.lru_cache(maxsize=2)
def overfitted(subject):
    """Train on one batch until the loss has fallen as declared; also return the steps."""
    model, data = compiled(subject, adam, options=subject.still), dataset(subject)
    name, fraction = subject.falls

    def loss():
        return model.evaluate(data, steps=1, verbose=0, return_dict=True)[name]

    first = loss()
    for steps in range(10, 301, 10):
        model.fit(data, steps_per_epoch=10, verbose=0, shuffle=False)
        if loss() < fraction * first:
            return model, steps
    raise AssertionError(f"{name} fell only from {first} to {loss()}")
