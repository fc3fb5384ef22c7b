"""Shortened scales make the zipped file smaller and hardly change its outputs."""

import warnings
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.export import flatbuffer, quantize
from kerasdl.export.litert_model import LiteRTModel


@pytest.fixture(scope="module")
def quantized():
    """The content of an int8 file from TensorFlow's converter, and inputs."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((16, 16, 3), batch_size=1)
    x = keras.layers.Conv2D(48, 3, activation="relu")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", bias_initializer="normal")(x)
    x = keras.layers.Conv2DTranspose(32, 2, strides=2, bias_initializer="normal")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    x = keras.layers.Dense(10, bias_initializer="normal")(x)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, x))
    images = np.random.default_rng(0).random((64, 16, 16, 3), "float32")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    with warnings.catch_warnings():
        # the statistics come from the representative dataset
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        return converter.convert(), images


def tensors(content):
    model = flatbuffer.read(content)
    return model, model.subgraphs[0].tensors


def test_short_scales_have_8_significant_bits():
    values = np.random.default_rng(1).lognormal(0, 5, 1000).astype("float32")
    rounded = quantize.short(values)
    assert not (rounded.view("uint32") & 0xFFFF).any()  # the two lower bytes are zero
    assert np.abs(rounded / values - 1).max() <= 2**-8


def test_the_zipped_file_is_smaller_and_outputs_hardly_change(quantized, tmp_path):
    content, images = quantized
    shorter = quantize.shorten_scales(content)
    assert len(zlib.compress(shorter)) < 0.97 * len(zlib.compress(content))
    outputs = []
    for name, each in (("long", content), ("short", shorter)):
        (tmp_path / f"{name}.tflite").write_bytes(each)
        outputs.append(LiteRTModel(tmp_path / f"{name}.tflite").predict(images))
    # a few steps of the 8-bit output
    assert np.abs(outputs[0] - outputs[1]).max() < 0.02 * np.ptp(outputs[0])


def test_biases_keep_their_values(quantized):
    content, _ = quantized
    (old, before), (new, after) = tensors(content), tensors(quantize.shorten_scales(content))
    biases = [i for i, tensor in enumerate(before) if quantize._is_bias(old, tensor)]
    assert len(biases) == 4
    for index in biases:
        values = []
        for model, each in ((old, before[index]), (new, after[index])):
            integers = np.frombuffer(bytes(model.buffers[each.buffer].data), "int32")
            values.append(integers * np.float64(each.quantization.scale))
        step = np.max(after[index].quantization.scale)
        np.testing.assert_allclose(*values, atol=0.51 * step)


def test_a_file_with_biases_of_unknown_operators_is_unchanged(quantized, monkeypatch):
    content, _ = quantized
    monkeypatch.delitem(quantize.LINEAR, "TRANSPOSE_CONV")
    assert quantize.shorten_scales(content) is content
