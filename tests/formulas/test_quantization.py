"""Quantization, compared with worked examples, TensorFlow's fake quantization and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import quantization

RANDOM = np.random.default_rng(0)


def test_a_worked_example():
    x = np.array([-1.0, 0.0, 0.5, 1.0])
    scale, zero_point = quantization.affine(x.min(), x.max())
    q = quantization.quantize(x, scale, zero_point)
    assert q.tolist() == [-128, 0, 64, 127]
    assert scale == pytest.approx(0.00784, abs=1e-5)
    assert np.abs(quantization.dequantize(q, scale, zero_point) - x).max() <= scale


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize(("low", "high"), [(-1.7, 3.2), (0.0, 6.0), (-0.31, 0.3)])
def test_quantize_and_dequantize_equal_tensorflow(low, high, bits, same):
    x = RANDOM.uniform(low - 1, high + 1, 1000).astype("float32")
    scale, zero_point = quantization.affine(low, high, bits)
    q = quantization.quantize(x, scale, zero_point, bits)
    theirs = tf.quantization.fake_quant_with_min_max_args(x, low, high, num_bits=bits)
    assert len(np.unique(q)) <= 2**bits
    ours = quantization.dequantize(q, scale, zero_point)
    name = "tf.quantization.fake_quant_with_min_max_args"
    for formula in (quantization.affine, quantization.quantize, quantization.dequantize):
        same(formula, name, ours, theirs)


def test_symmetric(same):
    weights = RANDOM.normal(size=(7, 3, 4)).astype("float32")
    theirs, inverse = keras.quantizers.AbsMaxQuantizer(axis=(1, 2))(weights)
    scale = quantization.symmetric(weights)
    name = "keras.quantizers.AbsMaxQuantizer"
    same(quantization.symmetric, name, scale, 1 / inverse)
    same(quantization.quantize, name, quantization.quantize(weights, scale), theirs)


def test_dynamic_range_dense_equals_keras(same):
    layer = keras.layers.Dense(6)
    layer.build((None, 9))
    w, b = (RANDOM.normal(size=x.shape).astype("float32") for x in layer.get_weights())
    layer.set_weights([w, b])
    layer.quantize("int8")
    x = RANDOM.normal(size=(5, 9)).astype("float32")
    ours = quantization.dynamic_range_dense(x, w, b)
    name = 'keras.layers.Dense.quantize("int8")'
    same(quantization.dynamic_range_dense, name, ours, layer(x))
    assert keras.backend.standardize_dtype(layer._kernel.dtype) == "int8"
    assert 0 < np.abs(ours - (x @ w + b)).max() < 0.05 * np.abs(x @ w).max()


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 32), ("float16", 16), ("int8", 8)])
def test_weight_bytes_equal_numpy(dtype, bits, same):
    theirs = tf.zeros((535_818,), dtype).numpy().nbytes
    same(
        quantization.weight_bytes,
        "numpy.ndarray.nbytes",
        quantization.weight_bytes(535_818, bits),
        theirs,
    )


def test_a_litert_file_is_little_larger_than_its_weights(same):
    kernels = 784 * 512 + 512 * 256 + 256 * 10  # biases that are all 0 take no space
    parts = [keras.layers.Dense(512, "relu"), keras.layers.Dense(256, "relu")]
    model = keras.Sequential([keras.Input((784,)), *parts, keras.layers.Dense(10)])
    sizes = []
    for optimizations in ([], [tf.lite.Optimize.DEFAULT]):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = optimizations
        sizes.append(len(converter.convert()))
    formula = quantization.weight_bytes
    ours = [formula(kernels, 32), formula(kernels, 8) + 778 * 12]  # scales, zero points
    same(formula, "tf.lite.TFLiteConverter", ours, sizes, at_most=4e-3)
    assert sizes == pytest.approx([2_141_768, 546_072], abs=100)
    assert sizes[1] / sizes[0] == pytest.approx(0.255, abs=1e-3)


@pytest.mark.parametrize("low", [-2.0, 0.0, 0.5])  # 0.5: the range is extended to 0
def test_error_is_at_most_half_a_step_and_zero_is_exact(low):
    x = RANDOM.uniform(low, 3, 1000)
    scale, zero_point = quantization.affine(low, 3)
    grid = scale, zero_point
    back = quantization.dequantize(quantization.quantize(x, *grid), *grid)
    inside = x <= quantization.dequantize(127, *grid)  # rounding of the zero point can clip
    assert np.abs(back - x)[inside].max() <= scale / 2 + 1e-12
    assert np.abs(back - x).max() <= scale
    assert quantization.dequantize(quantization.quantize(0.0, *grid), *grid) == 0
