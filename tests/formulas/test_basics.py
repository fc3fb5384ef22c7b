"""Neurons and back-propagation: formulas against Keras, GradientTape and finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import basics
from kerasdl.formulas.losses import binary_cross_entropy

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0]}


def most_right(targets, epochs=100):
    """The most corners that a learning perceptron ever gets right."""
    w, b, best = np.zeros(2), 0.0, 0
    for _ in range(epochs):
        for x, y in zip(CORNERS, targets, strict=True):
            w, b = basics.perceptron_update(x, y, w, b)
        best = max(best, int((basics.perceptron(CORNERS, w, b) == targets).sum()))
    return best


@pytest.mark.parametrize("gate", GATES)
def test_perceptron_learns_what_a_line_can_separate_and_no_more(gate):
    assert (most_right(GATES[gate]) == 4) == (gate != "xor")


def test_perceptron_fires_at_exactly_zero():
    assert basics.perceptron(np.array([1.0]), np.array([2.0]), -2.0) == 1


def test_logistic_neuron_is_a_dense_layer_with_a_sigmoid():
    layer = keras.layers.Dense(1, activation="sigmoid")
    layer.build((None, 3))
    w, b = np.random.default_rng(0).normal(size=(3, 1)), np.array([0.3])
    layer.set_weights([w, b])
    x = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(layer(x), basics.logistic_neuron(x, w, b), rtol=1e-5)


@pytest.fixture
def problem():
    """Three features, four hidden neurons, eight examples as columns."""
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape) for shape in ((4, 3), (4, 1), (1, 4), (1, 1))]
    return generator.normal(size=(3, 8)), generator.integers(0, 2, (1, 8)), weights


def gradients(x, y, weights):
    z1, a1, _, a2 = basics.forward_propagation(x, *weights)
    return basics.backpropagation(x, y, z1, a1, a2, weights[2])


def test_backpropagation_is_what_gradient_tape_does(problem):
    x, y, (w1, b1, w2, b2) = problem
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu")])
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.set_weights([w1.T, b1[:, 0], w2.T, b2[:, 0]])  # Keras: rows are examples
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy()(y.T, model(x.T.astype("float32")))
    np.testing.assert_allclose(
        loss, binary_cross_entropy(y, basics.forward_propagation(x, *problem[2])[3]), rtol=1e-5
    )
    by_tape = tape.gradient(loss, model.trainable_weights)
    for tape_gradient, gradient in zip(by_tape, gradients(*problem), strict=True):
        np.testing.assert_allclose(
            tape_gradient, np.reshape(gradient.T, tape_gradient.shape), atol=1e-5
        )


def test_backpropagation_is_the_slope_of_the_loss(problem):
    x, y, weights = problem
    for weight, gradient in zip(weights, gradients(*problem), strict=True):
        index = (0, weight.shape[1] - 1)
        losses = []
        for shift in (1e-5, -2e-5):
            weight[index] += shift
            losses.append(binary_cross_entropy(y, basics.forward_propagation(x, *weights)[3]))
        weight[index] += 1e-5
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradient[index], abs=1e-5)


def test_gradient_descent_is_what_keras_sgd_does():
    variable, optimizer = keras.Variable(1.0), keras.optimizers.SGD(0.1)
    optimizer.apply([variable.value], [variable])  # f(w) = w^2 / 2
    np.testing.assert_allclose(variable, basics.gradient_descent(1.0, 1.0, 0.1))


@pytest.mark.parametrize("widths", [(784, 256, 10), (150_528, 10), (5, 1)])
def test_dense_parameters_are_what_keras_counts(widths):
    model = keras.Sequential([keras.Input(widths[:1]), *map(keras.layers.Dense, widths[1:])])
    assert basics.dense_parameters(*widths) == model.count_params()
