"""Quantization-aware training of every kind of network, and the int8 files it gives."""

from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import compression, export
from kerasdl.compression.fake_quant import weights
from tests.compression.fake_quant import networks

NAMES = [*networks.IMAGES, *networks.TEXTS]


def shaken(model):
    """Set random values for statistics, biases and scales, which start as zeros and ones."""
    random = np.random.default_rng(1)
    for variable in model.variables:
        if variable.path.endswith(("variance", "gamma")):
            variable.assign(random.uniform(0.5, 2, variable.shape))
        elif variable.path.endswith(("mean", "beta", "bias")):
            variable.assign(0.1 * random.normal(size=variable.shape))
    return model


def inputs(name, count=64):
    random = np.random.default_rng(0)
    if name in networks.TEXTS:
        return random.integers(0, networks.TOKENS, (count, networks.TIME)).astype("int32")
    return random.random((count, 8, 8, 1), dtype="float32")


def labelled(name, x):
    """Label each image with its brightest quarter, each text with its most frequent token group."""
    if name in networks.TEXTS:
        y = np.stack([(x // 3 == i).sum(1) for i in range(4)], 1).argmax(1)
    else:
        y = x.reshape(-1, 2, 4, 2, 4).mean((2, 4)).reshape(-1, 4).argmax(1)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(16)


def compiled(model, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, **options)
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
    return model


def operators(file):
    """Yield the name and the types of the inputs of each operator of a file."""
    tensors = {t["index"]: t["dtype"] for t in file.interpreter.get_tensor_details()}
    for operator in file.interpreter._get_ops_details():
        yield operator["op_name"], [tensors[i] for i in operator["inputs"] if i in tensors]


def is_int8(file):
    weighted = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
    found = [types for name, types in operators(file) if name in weighted]
    return bool(found) and all(np.int8 in types and np.float32 not in types for types in found)


@pytest.mark.parametrize("name", NAMES)
def test_without_rounding_outputs_equal_those_of_the_model(name):
    """Folding batch normalization and expanding attention do not change the outputs."""
    model, x = shaken(networks.make(name)), inputs(name)
    with (
        mock.patch.object(weights, "round_weights", lambda kernel, *_: kernel),
        mock.patch.object(tf.quantization, "fake_quant_with_min_max_vars", lambda x, *_, **__: x),
    ):
        received = compression.quantize_aware(model)(x)
    np.testing.assert_allclose(received, model(x), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_trained_network_and_its_int8_file_agree(name, tmp_path):
    x = inputs(name, 256)
    train = labelled(name, x)
    model = compiled(shaken(networks.make(name)))
    model.fit(train, epochs=6, verbose=0, shuffle=False)
    labels = np.concatenate([y for _, y in train.as_numpy_iterator()])
    accuracy = np.mean(model(x).numpy().argmax(-1) == labels)
    aware = compression.train_aware(model, train, epochs=1)
    file = export.to_litert(aware, tmp_path / "aware.tflite", quantize="aware")
    assert is_int8(file)
    assert {np.dtype(dtype) for _, dtype in file.outputs.values()} == {np.dtype("float32")}
    parity = export.verify(aware, file, x)
    outputs = aware(x).numpy()
    assert parity.agreement >= 0.99
    assert parity.mean_error < (outputs.max() - outputs.min()) / 255
    assert np.mean(file.predict(x).argmax(-1) == labels) >= accuracy - 0.05
    assert not any(name.startswith("RELU") for name in file.operators)  # all are fused


def test_every_construction_of_a_model_can_be_trained(model, train, compiled, tmp_path, images):
    aware = compression.train_aware(compiled(model), train, epochs=1)
    assert [v for v in model.trainable_variables if not any(v is w for w in aware.variables)] == []
    file = export.to_litert(aware, tmp_path / "aware.tflite", quantize="aware")
    assert is_int8(file)
    assert export.verify(aware, file, images).agreement >= 0.98
