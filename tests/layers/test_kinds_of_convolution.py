"""Locally connected, gated and separable convolutions, and DropConnect."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasdl import layers

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(2, 9, 8, 3)).astype("float32")


@pytest.mark.parametrize("strides", [1, 2])
def test_locally_connected_with_the_same_kernel_everywhere_is_a_convolution(strides):
    local = layers.LocallyConnected2D(4, 3, strides, activation="relu")
    shared = keras.layers.Conv2D(4, 3, strides, activation="relu")
    local.build(IMAGES.shape)
    shared.build(IMAGES.shape)
    local.kernel.assign(ops.broadcast_to(ops.reshape(shared.kernel, (27, 4)), local.kernel.shape))
    np.testing.assert_allclose(local(IMAGES), shared(IMAGES), atol=1e-5)


@pytest.mark.rows("CNO-24", "E-25")
def test_locally_connected_has_its_own_kernel_at_each_position():
    layer = layers.LocallyConnected2D(6, 5)
    layer.build((None, 12, 10, 3))
    assert layer.count_params() == 8 * 6 * (5 * 5 * 3 + 1) * 6


@pytest.mark.rows("CNO-49")
def test_gates_with_extreme_biases_are_closed_and_open():
    layer = layers.GatedConv2D(4, 3)
    layer.build(IMAGES.shape)
    layer.gate.kernel.assign(ops.zeros_like(layer.gate.kernel))
    for bias, expected in ((-1e9, np.zeros((2, 9, 8, 4))), (1e9, layer.features(IMAGES))):
        layer.gate.bias.assign(ops.full((4,), bias))
        np.testing.assert_array_equal(layer(IMAGES), expected)


@pytest.mark.rows("CNO-48")
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_separable_convolution_equals_one_with_the_outer_product(padding):
    sobel = np.outer([1, 2, 1], [-1, 0, 1]).astype("float32")
    grey = IMAGES[..., :1]
    layer = layers.SpatiallySeparableConv2D(1, 3, padding=padding)
    layer.build(grey.shape)
    column, row = np.array([1, 2, 1], "float32"), np.array([-1, 0, 1], "float32")
    layer.set_weights([column.reshape(3, 1, 1, 1), row.reshape(1, 3, 1, 1), np.zeros(1)])
    expected = ops.conv(grey, sobel.reshape(3, 3, 1, 1), padding=padding)
    np.testing.assert_allclose(layer(grey), expected, atol=1e-5)


def test_gated_and_separable_convolutions_can_be_inlined(assert_transparent):
    assert_transparent(layers.GatedConv2D(4, 3, strides=2), (8, 8, 3))
    assert_transparent(layers.SpatiallySeparableConv2D(4, 3, strides=2), (8, 8, 3))


@pytest.mark.rows("REG-05")
def test_drop_connect_drops_weights_and_keeps_the_mean():
    layer = layers.DropConnect(400, rate=0.25, seed=0)
    ones = np.eye(300, dtype="float32")  # so the output is the kernel
    layer.build(ones.shape)
    dense = np.asarray(layer(ones))
    np.testing.assert_array_equal(dense, layer.kernel)
    seen = np.asarray(layer(ones, training=True))
    mask = seen != 0
    np.testing.assert_allclose(seen[mask], dense[mask] / 0.75, rtol=1e-6)
    assert mask.mean() == pytest.approx(0.75, abs=0.01)
    drawn = np.mean([layer(ones, training=True) for _ in range(200)], axis=0)
    assert np.abs(drawn - dense).mean() < 0.1 * np.abs(dense).mean()
