"""Dynamic convolution equals Keras's convolution with the mixed kernel of each image."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasdl import layers
from kerasdl.errors import InvalidInput

IMAGES = np.random.default_rng(0).normal(size=(3, 9, 8, 2)).astype("float32")


@pytest.mark.rows("CNO-49")
@pytest.mark.parametrize(("strides", "padding"), [(1, "same"), (2, "valid")])
def test_each_image_is_convolved_with_its_own_kernel(strides, padding):
    layer = layers.DynamicConv2D(4, 3, strides, padding, kernels=3, activation="tanh")
    outputs = np.array(layer(IMAGES))
    mixtures = np.array(layer.mix(layer.pool(IMAGES))).reshape(3, 3)  # (batch, kernels)
    np.testing.assert_allclose(mixtures.sum(axis=1), 1, rtol=1e-6)
    assert np.ptp(mixtures, axis=0).min() > 1e-3  # each image has another mixture
    for image, mixture, output in zip(IMAGES, mixtures, outputs, strict=True):
        kernel = sum(a * c.kernel for a, c in zip(mixture, layer.convolutions, strict=True))
        expected = ops.tanh(ops.conv(image[None], kernel, strides, padding))
        np.testing.assert_allclose(output, expected[0], atol=1e-5)


def test_parameters_are_those_of_the_kernels_and_the_mixing_layer():
    layer, convolution = layers.DynamicConv2D(4, 3, kernels=5), keras.layers.Conv2D(4, 3)
    layer.build(IMAGES.shape)
    convolution.build(IMAGES.shape)
    assert layer.count_params() == 5 * convolution.count_params() + 5 * (2 + 1)


def test_it_can_be_inlined(assert_transparent):
    assert_transparent(layers.DynamicConv2D(4, 3, strides=2), (8, 8, 3))


def test_invalid_arguments_are_refused():
    with pytest.raises(InvalidInput, match=r"`kernels`. Expected .* at least 2. Received: 1"):
        layers.DynamicConv2D(4, kernels=1)
    with pytest.raises(InvalidInput, match="same, valid"):
        layers.DynamicConv2D(4, padding="full")
