"""Activations: formula against Keras."""

import keras
import numpy as np
import pytest

from kerasdl.formulas import activations

Z = np.linspace(-6, 6, 25, dtype="float32")


@pytest.mark.parametrize("name", ["sigmoid", "relu", "softmax"])
def test_formula_is_what_keras_does(name, same):
    z = Z.reshape(5, 5)  # a softmax has rows
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    same(ours, f"keras.activations.{name}", ours(z), theirs(z))


def test_sigmoids_slope_is_at_most_a_quarter():
    slope = np.gradient(activations.sigmoid(np.linspace(-6, 6, 10_001)), 12 / 10_000)
    assert slope.max() == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(0.5, [0.864, 0.117, 0.019]), (2, [0.502, 0.304, 0.194]), (5, [0.4, 0.327, 0.273])],
)
def test_softmax_with_a_temperature(temperature, expected):
    found = activations.softmax(np.array([2, 1, 0.1]), temperature)
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_softmax_of_large_numbers_is_finite():
    expected = [0.090031, 0.244728, 0.665241]
    np.testing.assert_allclose(activations.softmax([1000, 1001, 1002]), expected, atol=1e-6)
