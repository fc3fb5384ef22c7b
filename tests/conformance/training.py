"""How a subject is trained, the same for every property."""

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
    """A new model with the weights that belong to the seed."""
    keras.utils.set_random_seed(SEED)
    model = subject.make(**(options or {}))
    model.compile(**subject.learning(optimizer), **arguments)
    if model.optimizer:  # else `fit` would make its variables in a first tracing and need a second
        model.optimizer.build(model.trainable_variables)
    return model


def dataset(subject, inputs=None):
    """One batch again and again; a learner without targets sees inputs alone."""
    inputs = subject.inputs if inputs is None else inputs
    inputs = tuple(inputs) if isinstance(inputs, list) else inputs
    data = inputs if subject.targets is None else (inputs, subject.targets)
    batch = len(keras.tree.flatten(inputs)[0])
    return tf.data.Dataset.from_tensor_slices(data).batch(batch, drop_remainder=True).repeat()


def history(subject, strategy=None, options=None, synchronized=False, turned=False):
    """Losses and metrics of two epochs of two steps, and the weights after them.

    Args:
        synchronized: Let batch normalization see the batches of all replicas.
        turned: The same batch with its last example first.
    """
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = compiled(subject, options=options)
    if synchronized:
        distribute.synchronize(model)
    data = dataset(subject, equal_halves(subject.inputs) if normalises_alone(model) else None)
    if turned:
        data = data.map(lambda *batch: keras.tree.map_structure(lambda x: x[::-1], batch))
    fitted = model.fit(data, epochs=2, steps_per_epoch=2, verbose=0, shuffle=False)
    return fitted.history, model.get_weights()


@functools.lru_cache(maxsize=2)
def still_history(subject):
    """`history` on one replica without chance."""
    return history(subject, options=subject.still)


def normalises_alone(model):
    """Whether each replica normalises by the statistics of its own part of a batch."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
        for layer in model._flatten_layers()
    )


def equal_halves(inputs):
    """A batch of which two replicas see the same part, so that their statistics are the same."""
    return np.concatenate([inputs[: BATCH // 2]] * 2)


@functools.lru_cache(maxsize=1)
def stepped(subject):
    """A model after one step: offsets and moving statistics are none of the initial ones."""
    model = compiled(subject, run_eagerly=True)  # to trace a single step would cost more
    step(model, subject)
    return model


@functools.lru_cache(maxsize=2)
def overfitted(subject):
    """A model that saw one batch until its loss had fallen as declared, and how many times."""
    model, data = compiled(subject, adam, options=subject.still), dataset(subject)
    name, share = subject.falls

    def loss():
        return model.evaluate(data, steps=1, verbose=0, return_dict=True)[name]

    first = loss()
    for steps in range(10, 301, 10):
        model.fit(data, steps_per_epoch=10, verbose=0, shuffle=False)
        if loss() < share * first:
            return model, steps
    raise AssertionError(f"{name} fell from {first} to {loss()} only")
