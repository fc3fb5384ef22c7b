"""Pooling, compared with Keras, the package's layers and PyTorch."""

import keras
import numpy as np
import pytest

from kerasdl import layers
from kerasdl.formulas import basics, pooling

MATRIX = np.array([[7, 3, 5, 2], [8, 7, 1, 6], [4, 9, 3, 9], [0, 8, 4, 5]])


@pytest.fixture
def numbers(reference):
    return reference("pooling")


@pytest.fixture
def image(numbers):
    return numbers["x"][0].transpose(1, 2, 0)  # (7, 7, 4)


@pytest.mark.rows("CNO-35", "E-23")
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1)])
def test_max_and_average_pooling(image, size, stride, same):
    layer = keras.layers.MaxPooling2D(size, stride)
    largest = layer(image[None])[0]
    ours = pooling.max_pooling(image, size, stride)
    same(pooling.max_pooling, "keras.layers.MaxPooling2D", ours, largest)
    means = keras.layers.AveragePooling2D(size, stride)(image[None])[0]
    ours = pooling.average_pooling(image, size, stride)
    same(pooling.average_pooling, "keras.layers.AveragePooling2D", ours, means)
    ours = pooling.max_and_average_pooling(image, size, stride)
    theirs = keras.layers.Concatenate()([largest, means])
    same(pooling.max_and_average_pooling, "keras.layers.Concatenate of both", ours, theirs)
    assert largest.shape[-1] == image.shape[-1]  # pooling keeps the channels
    assert layer.count_params() == 0


def test_windows(image, same):
    ours = pooling.windows(image, 3, 2)  # (rows, columns, channels, 3, 3)
    theirs = keras.ops.image.extract_patches(image[None], 3, 2)[0]
    same(pooling.windows, "keras.ops.image.extract_patches", _flat(ours), theirs)


def _flat(windows):
    return windows.transpose(0, 1, 3, 4, 2).reshape(*windows.shape[:2], -1)


@pytest.mark.rows("E-63")
def test_overlapping_pooling(image, numbers, same):
    ours = pooling.max_pooling(image, size=3, stride=2)
    theirs = numbers["max3s2"][0].transpose(1, 2, 0)
    same(pooling.max_pooling, "torch max_pool2d (fixture)", ours, theirs)
    assert pooling.max_pooling(MATRIX, size=3, stride=1).tolist() == [[9, 9], [9, 9]]


def test_l2_and_stochastic_pooling(image, same):
    image = image[:6, :6]
    theirs = layers.L2Pooling2D(2)(image[None])[0]
    same(pooling.l2_pooling, "kerasdl.layers.L2Pooling2D", pooling.l2_pooling(image), theirs)
    theirs = layers.StochasticPooling2D(2)(image[None])[0]
    ours = pooling.stochastic_pooling(image)
    same(pooling.stochastic_pooling, "kerasdl.layers.StochasticPooling2D", ours, theirs, 1e-5)


def test_stochastic_pooling_probabilities_equal_the_layers_frequencies(same):
    window = np.array([[1.0, 3.0], [0.0, 4.0]])
    many = np.broadcast_to(window[None, ..., None], (20_000, 2, 2, 1)).astype("float32")
    drawn = np.asarray(layers.StochasticPooling2D(2, seed=0)(many, training=True)).ravel()
    theirs = [[np.mean(drawn == value) for value in row] for row in window]
    ours = pooling.stochastic_pooling_chances(window)[0, 0]
    name = "kerasdl.layers.StochasticPooling2D, 20,000 times"
    same(pooling.stochastic_pooling_chances, name, ours, theirs, at_most=0.02)


def test_global_average_pooling(image, numbers, same):
    ours = pooling.global_average_pooling(image)
    theirs = keras.layers.GlobalAveragePooling2D()(image[None])[0]
    same(pooling.global_average_pooling, "keras.layers.GlobalAveragePooling2D", ours, theirs)
    theirs = numbers["gap"][0]
    same(pooling.global_average_pooling, "torch adaptive_avg_pool2d (fixture)", ours, theirs)


@pytest.mark.rows("CMP-17", "E-24")
def test_global_average_pooling_saves_most_weights_of_the_head():
    assert basics.dense_parameters(7 * 7 * 512, 4096) == 102_764_544
    assert basics.dense_parameters(512, 1000) == 513_000
