"""Pooling: formulas against Keras and torch's numbers."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.formulas import pooling

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "pooling.npz")
IMAGE = REFERENCE["x"][0].transpose(1, 2, 0)  # (7, 7, 4)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1)])
@pytest.mark.parametrize(
    ("formula", "layer"),
    [
        (pooling.max_pooling, keras.layers.MaxPooling2D),
        (pooling.average_pooling, keras.layers.AveragePooling2D),
    ],
)
def test_formula_is_what_keras_does(formula, layer, size, stride):
    expected = layer(size, stride)(IMAGE[None])[0]
    np.testing.assert_allclose(formula(IMAGE, size, stride), expected, rtol=1e-5, atol=1e-6)


def test_overlapping_pooling_is_what_torch_does():
    ours = pooling.max_pooling(IMAGE, size=3, stride=2)
    np.testing.assert_array_equal(ours, REFERENCE["max3s2"][0].transpose(1, 2, 0))


def test_l2_pooling_is_keras_average_pooling_of_squares():
    squares = keras.layers.AveragePooling2D(2)(IMAGE[None] ** 2)[0]
    np.testing.assert_allclose(pooling.l2_pooling(IMAGE), np.sqrt(4 * squares), rtol=1e-5)


def test_global_average_pooling_is_what_keras_does():
    expected = keras.layers.GlobalAveragePooling2D()(IMAGE[None])[0]
    np.testing.assert_allclose(pooling.global_average_pooling(IMAGE), expected, rtol=1e-5)
    np.testing.assert_allclose(expected, REFERENCE["gap"][0], atol=1e-6)


def test_overlapping_windows_of_the_notes():
    matrix = np.array([[7, 3, 5, 2], [8, 7, 1, 6], [4, 9, 3, 9], [0, 8, 4, 5]])
    assert pooling.max_pooling(matrix, size=3, stride=1).tolist() == [[9, 9], [9, 9]]
