"""Fake quantization equals its formula and has a straight-through gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.compression.fake_quant import FakeQuantize, weights
from kerasdl.formulas import quantization


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(1.0, 2.0, (50, 40)).astype("float32")


def calibrated(x, **options):
    layer = FakeQuantize(**options)
    layer.calibrating = True
    assert np.array_equal(layer(x), x)
    layer.calibrating = False
    return layer


@pytest.mark.parametrize("shift", [0.0, 20.0, -20.0], ids=["around 0", "above 0", "below 0"])
def test_rounded_activations_equal_the_formula(x, shift):
    x = x + np.float32(shift)
    scale, zero_point = quantization.affine(x.min(), x.max())
    expected = quantization.dequantize(
        quantization.quantize(x, scale, zero_point), scale, zero_point
    )
    rounded = calibrated(x)(x).numpy()
    np.testing.assert_allclose(rounded, expected, atol=1e-5)
    assert 100 < len(np.unique(rounded)) <= 256
    assert calibrated(x)(np.zeros_like(x)).numpy().max() == 0  # 0 is represented exactly


def test_rounded_weights_equal_the_formula(x):
    scale = quantization.symmetric(x.T)  # the formula's channels are the first axis
    expected = quantization.dequantize(quantization.quantize(x.T, scale), scale).T
    for training in (False, True):
        rounded = weights.round_weights(tf.constant(x), [1], training)
        np.testing.assert_allclose(rounded, expected, atol=1e-6)


def test_rounding_weights_keeps_zeros_and_is_idempotent(x):
    x = x * (np.abs(x) > 1)
    x[:, 3] = 0  # a channel without weights
    once = weights.round_weights(tf.constant(x), [1], False)
    twice = weights.round_weights(once, [1], False)
    assert np.all(once.numpy()[x == 0] == 0)
    np.testing.assert_allclose(once, twice, atol=1e-6)


def test_gradients_are_straight_through(x):
    kernel, values = tf.Variable(x), tf.Variable(x)
    layer = FakeQuantize(low=-1.0, high=1.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights.round_weights(kernel, [1], True) * 3 + layer(values) * 2)
    of_kernel, of_values = tape.gradient(loss, [kernel, values])
    np.testing.assert_array_equal(of_kernel, np.full_like(x, 3))
    outside = np.abs(x) > 1.01  # bounds shift slightly, so that 0 is exact
    assert np.all(of_values.numpy()[outside] == 0)
    assert np.all(of_values.numpy()[np.abs(x) < 0.99] == 2)


def test_the_range_is_updated_in_training_and_fixed_at_inference(x):
    layer = calibrated(x, momentum=0.9)
    layer(x / 2, training=True)
    np.testing.assert_allclose(layer.largest, 0.9 * x.max() + 0.1 * x.max() / 2, rtol=1e-6)
    layer(x * 2, training=True)
    np.testing.assert_allclose([layer.smallest, layer.largest], [2 * x.min(), 2 * x.max()])
    layer(x * 5)
    np.testing.assert_allclose(layer.largest, 2 * x.max())


def test_a_tensor_of_zeros_is_unchanged():
    zeros = np.zeros((3, 3), "float32")
    np.testing.assert_array_equal(calibrated(zeros)(zeros), zeros)


def test_fixed_ranges_have_no_state():
    layer = FakeQuantize(low=0.0, high=255 / 256)
    assert np.array_equal(layer(np.array([0.5, 2.0], "float32")), [0.5, 255 / 256])
    assert layer.variables == []
    assert (
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer)).high
        == 255 / 256
    )
