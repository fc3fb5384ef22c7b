"""Activations and their derivatives, compared with Keras, GradientTape and PyTorch."""

import functools
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import activations

TORCH = np.load(pathlib.Path(__file__).parents[1] / "reference" / "activations.npz")
Z = np.linspace(-6, 6, 25, dtype="float32")


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "elu", "selu", "softmax"])
def test_formula_equals_keras(name, same):
    z = Z.reshape(5, 5)  # softmax needs rows
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    same(ours, f"keras.activations.{name}", ours(z), theirs(z))


def test_leaky_relu_equals_keras_with_the_same_slope(same):
    for slope in (0.01, 0.2):
        ours = activations.leaky_relu(Z, slope)
        same(
            activations.leaky_relu, "keras.layers.LeakyReLU", ours, keras.layers.LeakyReLU(slope)(Z)
        )
    untold = keras.layers.LeakyReLU()(Z)
    same(activations.leaky_relu, "keras.layers.LeakyReLU", activations.leaky_relu(Z, 0.3), untold)


@pytest.mark.rows("E-42")
def test_maximum_equals_leaky_relu_only_for_slopes_up_to_1():
    z = Z[Z != 0]
    for slope, holds in ((0.0, True), (0.2, True), (1.0, True), (1.5, False), (-0.1, True)):
        maximum = np.maximum(slope * z, z)
        assert np.allclose(maximum, activations.leaky_relu(z, slope)) == holds


def test_swish_equals_keras_and_has_the_known_minimum(same):
    same(activations.swish, "keras.activations.silu", activations.swish(Z), keras.ops.silu(Z))
    z = np.linspace(-2, -1, 100_001)
    lowest = activations.swish(z).argmin()
    assert z[lowest] == pytest.approx(-1.278460, abs=2e-5)
    assert activations.swish(z[lowest]) == pytest.approx(-0.278465, abs=1e-6)
    np.testing.assert_allclose(activations.swish(Z, 1e4), activations.relu(Z), atol=1e-6)


def test_step_is_1_at_zero_and_has_no_gradient(same):
    z = tf.constant(Z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        theirs = tf.cast(z >= 0, "float32")
    same(activations.step, "tf.greater_equal", activations.step(Z), theirs)
    assert tape.gradient(theirs, z) is None


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_derivative_equals_gradient_tape(name, same):
    z = tf.constant(Z)  # includes 0
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = getattr(keras.activations, name)(z)
    ours = getattr(activations, f"{name}_slope")
    same(ours, "tf.GradientTape", ours(Z), tape.gradient(y, z))


@pytest.mark.parametrize(("name", "largest"), [("sigmoid", 0.25), ("tanh", 1), ("relu", 1)])
def test_derivatives_have_the_known_maxima(name, largest):
    slope = getattr(activations, f"{name}_slope")(np.linspace(-10, 10, 20_001))
    assert slope.max() == largest


@pytest.mark.rows("E-39")
def test_tanh_is_odd_and_tanh_and_sigmoid_do_not_reach_their_bounds():
    z = np.linspace(-15, 15, 301)
    np.testing.assert_allclose(activations.tanh(-z), -activations.tanh(z), atol=1e-15)
    assert np.all(np.abs(activations.tanh(z)) < 1)
    assert np.all((activations.sigmoid(z) > 0) & (activations.sigmoid(z) < 1))


def test_gradient_of_parametric_relus_slope_equals_gradient_tape(same):
    layer, z = keras.layers.PReLU("ones"), tf.constant(Z[None])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(z) ** 2)
    ours = activations.parametric_relu_gradient(Z, 2 * activations.leaky_relu(Z, 1.0))
    theirs = tf.reduce_sum(tape.gradient(loss, layer.alpha))
    same(activations.parametric_relu_gradient, "tf.GradientTape", ours, theirs)


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        (activations.relu, "relu"),
        (functools.partial(activations.leaky_relu, slope=0.2), "leaky02"),
        (functools.partial(activations.leaky_relu, slope=0.25), "prelu025"),
        (activations.elu, "elu"),
        (activations.selu, "selu"),
        (activations.swish, "silu"),
    ],
)
def test_formula_equals_pytorch(formula, name, same):
    whole = getattr(formula, "func", formula)
    same(whole, "torch.nn.functional (fixture)", formula(TORCH["x"]), TORCH[name])


@pytest.mark.rows("E-40")
def test_a_dead_relu_stays_dead_and_a_leaky_one_recovers():
    x = np.random.default_rng(0).normal(size=1000)
    assert 0.45 < np.mean(activations.relu(x) == 0) < 0.55
    dead, leaky = -10.0, -10.0
    for _ in range(100):  # train the bias towards an output of 1
        dead -= np.mean((activations.relu(x + dead) - 1) * activations.relu_slope(x + dead))
        slope = np.where(x + leaky > 0, 1, 0.2)
        leaky -= np.mean((activations.leaky_relu(x + leaky, 0.2) - 1) * slope)
    assert dead == -10
    assert leaky > 0


def test_selu_keeps_mean_and_variance_through_twenty_layers():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1000, 256))
    for _ in range(20):
        x = activations.selu(x @ generator.normal(0, 256**-0.5, (256, 256)))
    assert abs(x.mean()) < 0.1
    assert abs(x.std() - 1) < 0.2


@pytest.mark.rows("E-15")
@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(0.5, [0.864, 0.117, 0.019]), (2, [0.502, 0.304, 0.194]), (5, [0.4, 0.327, 0.273])],
)
def test_softmax_with_a_temperature(temperature, expected):
    found = activations.softmax(np.array([2, 1, 0.1]), temperature)
    np.testing.assert_allclose(found, expected, atol=5e-4)


@pytest.mark.rows("E-18")
@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([2, 1, 0.1], [0.659001, 0.242433, 0.098566]),
        ([-0.8, -5.1, 0.5], [0.213544, 0.002897, 0.783558]),
        ([1000, 1001, 1002], [0.090031, 0.244728, 0.665241]),
        ([1, 2, -3], [0.267623, 0.727475, 0.004902]),  # they sum to 0
    ],
)
def test_softmax_of_worked_examples(logits, expected):
    np.testing.assert_allclose(activations.softmax(logits), expected, atol=1e-6)


@pytest.mark.rows("E-43")
def test_softmax_sums_to_one_and_ignores_an_added_constant():
    z = Z[:24].reshape(2, 3, 4)
    np.testing.assert_allclose(activations.softmax(z).sum(-1), np.ones((2, 3)), atol=1e-6)
    np.testing.assert_allclose(activations.softmax(z + 7), activations.softmax(z), atol=1e-6)
