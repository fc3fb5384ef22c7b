"""Activations: formula against Keras."""

import keras
import numpy as np
import pytest

from kerasdl.formulas import activations

Z = np.linspace(-6, 6, 25, dtype="float32")


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_formula_is_what_keras_does(name):
    np.testing.assert_allclose(
        getattr(keras.activations, name)(Z), getattr(activations, name)(Z), rtol=1e-6, atol=1e-7
    )


def test_sigmoids_slope_is_at_most_a_quarter():
    slope = np.gradient(activations.sigmoid(np.linspace(-6, 6, 10_001)), 12 / 10_000)
    assert slope.max() == pytest.approx(0.25, abs=1e-6)
