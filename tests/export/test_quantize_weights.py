"""`quantize_large_weights` stores large matrices as int8 and hardly changes outputs."""

import keras
import numpy as np
from keras import layers

from kerasdl import export
from kerasdl.export import flatbuffer, quantize


def weights(content):
    model = flatbuffer.read(content)
    return [bytes(b.data) for b in model.buffers if b.data is not None and len(b.data) >= 2048]


def shrunken(model, folder):
    file = export.to_litert(model, folder / "whole.tflite")
    content = quantize.quantize_large_weights(file.path.read_bytes())
    small = folder / "small.tflite"
    small.write_bytes(content)
    return file, export.LiteRTModel(small)


def test_large_weights_become_int8_and_keep_zeros(tmp_path):
    inputs = keras.Input((64,))
    x = layers.Dense(64, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(4)(x))
    kernel = model.layers[1].kernel
    kernel.assign(kernel * (np.random.default_rng(0).random((64, 64)) > 0.8))
    whole, small = shrunken(model, tmp_path)
    assert small.size < 0.5 * whole.size
    (integers,) = weights(small.path.read_bytes())
    zero = np.frombuffer(integers, "int8").reshape(64, 64) == 0
    assert zero[kernel.numpy().T == 0].all() and zero.mean() < 0.82
    x = np.random.default_rng(1).random((16, 64), dtype="float32")
    parity = export.verify(model, small, x)
    assert 1e-6 < parity.largest_error < 0.02 * np.ptp(model.predict_on_batch(x))


def test_the_number_of_distinct_weights_is_kept(tmp_path):
    inputs = keras.Input((64,))
    model = keras.Model(inputs, layers.Dense(64)(inputs))
    kernel = model.layers[1].kernel
    kernel.assign(np.random.default_rng(0).choice([-0.3, -0.1, 0.2, 0.5], (64, 64)))
    _, small = shrunken(model, tmp_path)
    (integers,) = weights(small.path.read_bytes())
    assert sorted(np.unique(np.frombuffer(integers, "int8"))) == [-76, -25, 51, 127]


def test_small_weights_stay_float(tmp_path):
    inputs = keras.Input((16,))
    whole, small = shrunken(keras.Model(inputs, layers.Dense(16)(inputs)), tmp_path)
    x = np.random.default_rng(1).random((4, 16), dtype="float32")
    np.testing.assert_array_equal(small.predict(x), whole.predict(x))
