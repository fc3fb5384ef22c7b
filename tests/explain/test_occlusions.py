"""Occlusion maps: windows, strides and wrong arguments."""

import keras
import numpy as np
import pytest

from kerasdl import explain
from kerasdl.errors import InvalidInput


def test_hidden_pixels_of_a_linear_model_lose_their_part():
    linear = keras.Sequential([keras.Input((4, 6, 2)), keras.layers.Flatten()])
    linear.add(keras.layers.Dense(3))
    images = np.random.default_rng(0).random((2, 4, 6, 2)).astype("float32")
    kernel = np.array(linear.layers[-1].kernel).reshape(4, 6, 2, 3)
    parts = np.stack([(images[i] * kernel[..., k]).sum(-1) for i, k in enumerate([2, 0])])
    found = explain.occlusion(linear, images, [2, 0], window=1, stride=1)
    np.testing.assert_allclose(found, parts, atol=1e-5)
    together = explain.occlusion(linear, images, [2, 0])  # windows of 2, moved by 1
    corner = parts[:, :2, :2].sum((1, 2))
    np.testing.assert_allclose(together[:, 0, 0], corner, atol=1e-5)


def test_wrong_windows_and_strides_are_named(model, digits):
    images = digits[0][:1]
    with pytest.raises(InvalidInput, match=r"`window`. Expected at most 8. Received: 9"):
        explain.occlusion(model, images, window=9)
    with pytest.raises(InvalidInput, match=r"`stride`. Expected an integer from 1 to 3"):
        explain.occlusion(model, images, window=3, stride=4)
