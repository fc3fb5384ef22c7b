"""Gradients, training of one batch, and equal results with replicas, workers and seeds."""

import functools
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.conformance import training, two_workers
from tests.conformance.common import assert_equal, step


def gradients(subject, folder):
    """Every trainable weight receives a finite gradient."""
    model = training.compiled(subject, run_eagerly=True)
    received = {}

    def record(optimizer, gradients, variables=None):
        variables = optimizer._trainable_variables if variables is None else variables
        received.update({id(v): g for v, g in zip(variables, gradients, strict=True)})

    with mock.patch.object(keras.optimizers.Optimizer, "apply", record):
        step(model, subject)
    for weight in model.trainable_weights:
        gradient = received.get(id(weight))
        assert gradient is not None, f"{weight.path} received no gradient"
        assert np.isfinite(keras.ops.convert_to_numpy(gradient)).all(), weight.path


def learns(subject, folder):
    """A model overfits one batch; a layer's gradient equals a numeric one."""
    if subject.kind == "layer":
        return numeric_gradient(subject)
    steps = training.overfitted(subject)[1]
    return f"{steps} steps"


def numeric_gradient(subject, directions=3, epsilon=1e-6):
    """Compare along random directions v: gradient . v = (f(w + e v) - f(w - e v)) / 2e."""
    keras.config.set_dtype_policy("float64")
    random, layer = np.random.default_rng(0), subject.layer()
    inputs = keras.tree.map_structure(lambda a: keras.Variable(a, dtype="float64"), subject.inputs)
    symbols = keras.tree.map_structure(
        lambda v: keras.Input(batch_shape=v.shape, dtype="float64"), inputs
    )
    model = keras.Model(symbols, layer(symbols))  # passes `training` on to the layer
    mixture = random.normal(size=model.output_shape)
    points = [*keras.tree.flatten(inputs), *layer.trainable_variables]
    for point in points:  # initial weights of 0 and 1 could hide errors
        point.assign_add(0.1 * random.normal(size=point.shape))
    state = [variable.numpy() for variable in layer.non_trainable_variables]

    def mixed():
        for variable, value in zip(layer.non_trainable_variables, state, strict=True):
            variable.assign(value)
        fed = keras.tree.map_structure(lambda v: v.value, inputs)
        return tf.reduce_sum(model(fed, training=True) * mixture)

    def moved(distance, direction):
        for point, along in zip(points, direction, strict=True):
            point.assign_add(distance * along)
        return mixed()

    with tf.GradientTape() as tape:
        value = mixed()
    gradient = tape.gradient(value, [point.value for point in points], None, "zero")
    worst = 0.0
    for _ in range(directions):
        direction = [random.normal(size=point.shape) for point in points]
        slope = (moved(epsilon, direction) - moved(-2 * epsilon, direction)) / (2 * epsilon)
        moved(epsilon, direction)
        along = sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True))
        worst = max(worst, abs(along / slope - 1))
    assert worst < 1e-5
    return f"{worst:.0e}"


@functools.cache
def two_replicas():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def replicas(subject, folder):
    """Two replicas give the losses, metrics and weights of one replica."""
    own = training.normalizes_alone(subject.make())
    how = {"options": subject.still, "precise": own}
    two = training.history(subject, two_replicas(), **how)
    one = training.history(subject, **how) if own else training.still_history(subject)
    return f"{_same(two, one):.0e}{' (equal halves, float64)' if own else ''}"


def workers(subject, folder):
    """Two worker processes give the losses, metrics and weights of one process."""
    own = training.normalizes_alone(subject.make())
    how = {"options": subject.still, "synchronized": own, "precise": own}
    one = training.history(subject, **how) if own else training.still_history(subject)
    first, second = two_workers.history(subject, folder)
    assert first[0] == second[0]
    assert_equal(first[1], second[1])
    return f"{_same(first, one):.0e}{' (float64)' if own else ''}"


def _same(two, one):
    """Check that losses and metrics are equal; return the largest difference of a weight."""
    assert one[0].keys() == two[0].keys()
    for name, values in one[0].items():
        np.testing.assert_allclose(two[0][name], values, rtol=1e-4, err_msg=name)
    assert _difference(two, one) < 1e-5
    return _difference(two, one)


def _difference(two, one):
    """The largest difference of a weight, relative to the layer's largest if that is above 1."""
    pairs = zip(one[1], two[1], strict=True)
    return max(np.abs(a - b).max() / max(1.0, np.abs(a).max()) for a, b in pairs)


def seed(subject, folder):
    """The same seed gives bit-equal weights after training."""
    first = training.history(subject) if subject.still else training.still_history(subject)
    second = training.history(subject)
    assert first[0] == second[0]
    assert_equal(second[1], first[1])
