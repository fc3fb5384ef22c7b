"""Quantized and sparse files are smaller and have nearly the same outputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from kerasdl import export
from kerasdl.export import flatbuffer
from tests.export.networks import attention, lstm, tokens

pytestmark = pytest.mark.xdist_group("quantize")  # tests share files


@pytest.fixture(scope="module")
def whole(trained, tmp_path_factory):
    return export.to_litert(trained[0], tmp_path_factory.mktemp("whole") / "whole.tflite")


@pytest.fixture(scope="module")
def attentive(tmp_path_factory):
    """A model with attention, and its quantized files by method."""
    keras.utils.set_random_seed(0)
    model, folder = attention(), tmp_path_factory.mktemp("attentive")
    return model, {
        method: export.to_litert(
            model, folder / f"{method}.tflite", quantize=method, calibration=tokens(64, seed=1)
        )
        for method in ("int8", "int16x8")
    }


@pytest.mark.rows("CMP-05")
@pytest.mark.parametrize(
    ("quantize", "ratio", "error", "agreement"),
    [
        ("float16", 0.65, 0.01, 0.99),
        ("dynamic", 0.5, 0.1, 0.98),
        ("int8", 0.5, 0.1, 0.98),
        ("int16x8", 0.5, 0.05, 0.99),
        ("int4", 0.4, 1.0, 0.95),
    ],
)
def test_quantized_files_are_smaller_and_agree(
    trained, whole, quantize, ratio, error, agreement, tmp_path
):
    model, x, _ = trained
    calibration = x[:100] if quantize in ("int8", "int16x8") else None
    small = export.to_litert(
        model, tmp_path / "small.tflite", quantize=quantize, calibration=calibration
    )
    assert small.size < ratio * whole.size
    assert next(iter(small.inputs.values()))[1] == np.float32
    parity = export.verify(model, small, x)
    assert 1e-6 < parity.mean_error < error  # logits are between -15 and 16
    assert parity.agreement > agreement


@pytest.mark.rows("CMP-06")
def test_int8_takes_a_dataset_and_computes_in_integers(trained, tmp_path):
    model, x, y = trained
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    file = export.to_litert(model, tmp_path / "a.tflite", quantize="int8", calibration=dataset)
    assert export.verify(model, file, x).agreement > 0.98
    kinds = {str(detail["dtype"]) for detail in file.interpreter.get_tensor_details()}
    assert any("int8" in kind for kind in kinds)
    floats = [
        detail["name"]
        for detail in file.interpreter.get_tensor_details()
        if detail["dtype"] == np.float32
    ]
    assert len(floats) == 2  # input and output
    named = [d["name"] for d in file.interpreter.get_tensor_details() if d["name"]]
    assert len(named) == 2  # inner tensors have no name


@pytest.mark.parametrize("make", [lstm, attention])
@pytest.mark.parametrize("quantize", ["float16", "dynamic", "int8", "int4"])
def test_sequence_models_are_quantized(make, quantize, tmp_path):
    model = make()
    calibration = tokens(64) if quantize == "int8" else None
    file = export.to_litert(
        model, tmp_path / "m.tflite", quantize=quantize, calibration=calibration
    )
    assert export.verify(model, file, tokens()).largest_error < (0.3 if quantize == "int4" else 0.1)
    assert not any(getattr(layer, "unroll", False) for layer in model.layers)


@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_only_fully_connected_operators_of_attention_are_quantized(quantize, attentive):
    graph = flatbuffer.read(attentive[1][quantize].path.read_bytes())
    kinds = {}
    for operator in graph.subgraphs[0].operators:
        name = graph.operatorCodes[operator.opcodeIndex].builtinCode
        outputs = [graph.subgraphs[0].tensors[index].type for index in operator.outputs]
        kinds.setdefault(name, set()).update(outputs)
    operators, types = schema.BuiltinOperator, schema.TensorType
    integers = types.INT8 if quantize == "int8" else types.INT16
    assert kinds[operators.FULLY_CONNECTED] == {integers}
    for name in ("ADD", "BATCH_MATMUL", "MEAN", "MUL", "RSQRT", "SOFTMAX"):
        assert integers not in kinds[getattr(operators, name)]


def test_int16_activations_are_more_accurate_than_int8(attentive):
    """This includes causal attention, whose mask is minus infinity."""
    model, files = attentive
    errors = {name: export.verify(model, file, tokens()).mean_error for name, file in files.items()}
    assert 3 * errors["int16x8"] < errors["int8"] < 0.02


def test_sparse_storage_omits_zeros(tmp_path):
    inputs = keras.Input((128,))
    model = keras.Model(inputs, layers.Dense(128)(inputs))
    kernel = model.layers[-1].kernel
    keep = np.random.default_rng(0).random(kernel.shape) > 0.8
    kernel.assign(kernel.numpy() * keep)
    x = np.random.default_rng(1).random((16, 128), dtype="float32")
    dense = export.to_litert(model, tmp_path / "dense.tflite")
    sparse = export.to_litert(model, tmp_path / "sparse.tflite", sparse=True)
    assert sparse.size < 0.5 * dense.size
    np.testing.assert_allclose(sparse.predict(x), dense.predict(x), atol=1e-6)


@pytest.mark.parametrize("quantize", ["int8", "int16x8", "int4"])
def test_files_above_256_kilobytes(quantize, tmp_path):
    """ai-edge-quantizer stores larger weights after the flatbuffer."""
    inputs = keras.Input((512,))
    model = keras.Model(inputs, layers.Dense(8)(layers.Dense(1200, activation="relu")(inputs)))
    x = np.random.default_rng(0).random((32, 512), dtype="float32")
    calibration = None if quantize == "int4" else x
    file = export.to_litert(
        model, tmp_path / "m.tflite", quantize=quantize, calibration=calibration
    )
    assert file.size > 256 * 1024
    assert export.verify(model, file, x).largest_error < 0.3
