"""Gradients, training of one batch, and equal results with replicas, workers and seeds."""

import functools
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.conformance import training, two_workers
from tests.conformance.common import assert_equal, step
from tests.conformance.inputs import BATCH


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
    two = training.history(subject, two_replicas(), options=subject.still)
    difference = _same(two, training.still_history(subject))
    equal = " (equal halves)" if training.normalizes_alone(subject.make()) else ""
    return f"{difference:.0e}{equal}"


def workers(subject, folder):
    """Two worker processes give the losses, metrics and weights of one process."""
    own = training.normalizes_alone(subject.make())
    whole = {"options": subject.still, "synchronized": True}
    one = training.history(subject, **whole) if own else training.still_history(subject)
    first, second = two_workers.history(subject, folder)
    assert first[0] == second[0]
    assert_equal(first[1], second[1])
    limit, rounding = 1e-5, ""
    if own and _difference(first, one) >= limit:
        # rounding decides whether a unit near 0 passes ReLU, and depends on the order of a batch:
        # the workers must equal one process in either of two orders; the reversed order shows by
        # how much such a unit changes the weights
        turned = training.history(subject, order=range(BATCH)[::-1], **whole)
        limit = max(limit, 2 * _difference(turned, one))
        mixed = np.random.default_rng(0).permutation(BATCH)
        shuffled = training.history(subject, order=mixed, **whole)
        one = min(one, shuffled, key=functools.partial(_difference, first))
        rounding = f" (bar {limit:.0e})"
    return f"{_same(first, one, limit):.0e}{rounding}"


def _same(two, one, limit=1e-5):
    """Check that losses and metrics are equal; return the largest difference of a weight."""
    assert one[0].keys() == two[0].keys()
    for name, values in one[0].items():
        np.testing.assert_allclose(two[0][name], values, rtol=1e-4, err_msg=name)
    assert _difference(two, one) < limit
    return _difference(two, one)


def _difference(two, one):
    return max(np.abs(a - b).max() for a, b in zip(one[1], two[1], strict=True))


def seed(subject, folder):
    """The same seed gives bit-equal weights after training."""
    first = training.history(subject) if subject.still else training.still_history(subject)
    second = training.history(subject)
    assert first[0] == second[0]
    assert_equal(second[1], first[1])
