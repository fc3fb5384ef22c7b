"""Variants of convolution, compared with the package's layers, SciPy and TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from kerasdl import layers
from kerasdl.formulas import convolution, pooling
from kerasdl.formulas import convolution_variants as variants

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(7, 8, 3)).astype("float32")


def with_weights(layer, shape=IMAGE.shape):
    layer.build((None, *shape))
    weights = [RANDOM.normal(size=w.shape).astype("float32") for w in layer.get_weights()]
    layer.set_weights(weights)
    return weights


@pytest.mark.rows("E-25")
def test_locally_connected(same):
    layer = layers.LocallyConnected2D(4, 3)
    kernel, bias = with_weights(layer)
    ours = variants.locally_connected(IMAGE, kernel.reshape(5, 6, 3, 3, 3, 4), bias)
    name = "kerasdl.layers.LocallyConnected2D"
    same(variants.locally_connected, name, ours, layer(IMAGE[None])[0])
    ours = variants.locally_connected_parameters(5, 6, channels=3, filters=4, kernel=3)
    same(variants.locally_connected_parameters, name, ours, layer.count_params())
    # with one shared kernel it is a convolution, which has a 30th of the weights
    shared = np.broadcast_to(kernel[0, 0].reshape(3, 3, 3, 4), (5, 6, 3, 3, 3, 4))
    ours = variants.locally_connected(IMAGE, shared)
    theirs = tf.nn.conv2d(IMAGE[None], shared[0, 0], 1, "VALID")[0]
    same(variants.locally_connected, "tf.nn.conv2d, weights shared", ours, theirs)
    assert 30 * convolution.convolution_parameters(3, 4, 3) == layer.count_params()


def test_spatially_separable_convolution(same):
    layer = layers.SpatiallySeparableConv2D(1, 3, padding="valid")
    column, row, _ = with_weights(layer, (7, 8, 1))
    layer.set_weights([column, row, np.zeros(1)])
    ours = variants.spatially_separable_convolution(IMAGE[..., 0], column.ravel(), row.ravel())
    theirs = layer(IMAGE[None, ..., :1])[0, ..., 0]
    formula = variants.spatially_separable_convolution
    same(formula, "kerasdl.layers.SpatiallySeparableConv2D", ours, theirs)
    theirs = signal.correlate2d(IMAGE[..., 0], np.outer(column, row), "valid")
    same(formula, "scipy.signal.correlate2d", ours, theirs)


def test_gated_convolution(same):
    layer = layers.GatedConv2D(4, 3, padding="valid")
    ours = variants.gated_convolution(IMAGE, *with_weights(layer))
    theirs = layer(IMAGE[None])[0]
    same(variants.gated_convolution, "kerasdl.layers.GatedConv2D", ours, theirs)


def test_dynamic_convolution(same):
    layer = layers.DynamicConv2D(4, 3, padding="valid", kernels=3)
    mix, mix_bias, *convolutions = with_weights(layer)
    kernels, biases = np.stack(convolutions[::2]), np.stack(convolutions[1::2])
    formula = variants.dynamic_convolution
    ours = formula(IMAGE, kernels, biases, mix, mix_bias)
    same(formula, "kerasdl.layers.DynamicConv2D", ours, layer(IMAGE[None])[0])
    # a large bias selects the second kernel
    ours = formula(IMAGE, kernels, biases, mix, np.array([0, 1e3, 0]))
    theirs = tf.nn.conv2d(IMAGE[None], kernels[1], 1, "VALID")[0] + biases[1]
    same(formula, "tf.nn.conv2d with one of the kernels", ours, theirs)


@pytest.mark.rows("E-22")
def test_convolution_is_equivariant_and_global_pooling_is_invariant_to_shifts(same):
    def padded(image):
        return layers.BorderPadding2D(1, "circular")(image[None])[0].numpy()

    moved = variants.translate(IMAGE, 2, -3)
    same(variants.translate, "tf.roll", moved, tf.roll(IMAGE, (2, -3), axis=(0, 1)))
    layer = keras.layers.Conv2D(5, 3)
    before, after = (layer(padded(x)[None])[0].numpy() for x in (IMAGE, moved))
    ours = variants.translate(before, 2, -3)
    same(variants.translate, "keras.layers.Conv2D of the shifted image", ours, after)
    assert np.abs(after - before).max() > 0.1  # equivariant, not invariant
    means = [pooling.global_average_pooling(x) for x in (before, after)]
    np.testing.assert_allclose(*means, atol=1e-6)
    zeros = keras.layers.Conv2D(5, 3, padding="same")
    before, after = (zeros(x[None])[0].numpy() for x in (IMAGE, variants.translate(IMAGE, 1, 0)))
    ours = variants.translate(before, 1, 0)
    np.testing.assert_allclose(ours[2:-1, 1:-1], after[2:-1, 1:-1], atol=1e-5)  # equal inside
    assert np.abs(ours - after).max() > 0.01  # different at the border
