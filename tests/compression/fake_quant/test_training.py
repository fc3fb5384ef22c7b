"""`train_aware`: zeros, statistics, saving, precision, and invalid input."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import compression, export
from kerasdl.compression.fake_quant import FakeQuantize, calibrate
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.gpt import GPT
from tests.compression.fake_quant import networks


@pytest.fixture
def mobile(compiled):
    return compiled(networks.make("mobile"))


def statistics(model):
    return [v.numpy() for v in model.variables if "moving" in v.path]


def test_zeros_are_kept_in_the_model_and_in_the_file(mobile, train, tmp_path):
    mobile = compression.prune(mobile, train, sparsity=0.5, epochs=2)
    before = compression.sparsity(mobile)
    aware = compression.train_aware(mobile, train, epochs=2, keep_zeros=True)
    assert compression.sparsity(mobile) == before
    file = export.to_litert(aware, tmp_path / "pruned.tflite", quantize="aware")
    tensors = file.interpreter.get_tensor_details()
    kernels = [t for t in tensors if t["dtype"] == np.int8 and len(t["shape"]) in (2, 4)]
    convolutions = [t for t in kernels if len(t["quantization_parameters"]["scales"]) > 1]
    zeros = [np.mean(file.interpreter.get_tensor(t["index"]) == 0) for t in convolutions]
    assert sum(zero >= 0.5 for zero in zeros) >= len(before)


def test_statistics_do_not_change_and_inference_is_deterministic(mobile, train, images):
    mobile.fit(train, verbose=0, shuffle=False)
    before = statistics(mobile)
    kernels = [v.numpy() for v in mobile.trainable_variables]
    aware = compression.train_aware(mobile, train, epochs=1)
    np.testing.assert_equal(statistics(mobile), before)
    changed = [
        not np.array_equal(v, kernel)
        for v, kernel in zip(mobile.trainable_variables, kernels, strict=True)
    ]
    assert all(changed)
    outputs = aware(images).numpy()
    np.testing.assert_array_equal(aware(images), outputs)
    np.testing.assert_allclose(aware(images[:3]), outputs[:3], atol=1e-6)


@pytest.mark.slow
def test_a_saved_model_is_loaded_by_a_fresh_process(mobile, train, images, tmp_path):
    aware = compression.train_aware(mobile, train, epochs=1)
    aware.save(tmp_path / "aware.keras")
    np.save(tmp_path / "images.npy", images)
    program = f"""
import keras, numpy, kerasdl.compression.fake_quant
model = keras.saving.load_model({str(tmp_path / "aware.keras")!r})
numpy.save({str(tmp_path / "outputs.npy")!r}, model(numpy.load({str(tmp_path / "images.npy")!r})))
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "outputs.npy"), aware(images))


def test_a_mixed_precision_model_is_trained_in_float32(train, compiled, traced):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = compiled(networks.make("plain"))
    keras.config.set_dtype_policy("float32")
    aware = compression.train_aware(model, train, epochs=1)
    assert {layer.compute_dtype for layer in aware.layers} == {"float32"}
    assert aware.output.dtype == "float32"
    assert traced == [aware]


def test_a_small_gpt_predicts_the_same_tokens_in_int8(tmp_path):
    keras.utils.set_random_seed(0)
    model = GPT(vocabulary_size=16, context=24, width=32, depth=2, heads=2, dropout=0.0)
    random = np.random.default_rng(0)
    steps = random.integers(1, 4, (256, 1)) * np.arange(25) + random.integers(0, 16, (256, 1))
    tokens = (steps % 16).astype("int32")  # counting by one, two or three
    data = tf.data.Dataset.from_tensor_slices((tokens[:, :-1], tokens[:, 1:])).batch(32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
    model.fit(data, epochs=15, verbose=0, shuffle=False)
    aware = compression.train_aware(model, data, epochs=1)
    x = tokens[:, :-1]
    file = export.to_litert(aware, tmp_path / "gpt.tflite", quantize="aware", example=x[:1])
    outputs = file.predict(x)
    assert export.verify(aware, file, x).agreement >= 0.98
    known = np.mean(outputs[:, 2:].argmax(-1) == tokens[:, 3:])
    assert known > 0.95
    changed = x.copy()
    changed[:, 12:] = 0  # does not affect earlier outputs
    np.testing.assert_array_equal(file.predict(changed)[:, :12], outputs[:, :12])


def test_calibration_without_training_makes_an_int8_file(images, tmp_path):
    model = networks.make("squeeze")
    aware = calibrate(compression.quantize_aware(model), images)
    first = next(layer for layer in aware.layers if isinstance(layer, FakeQuantize))
    assert first.smallest == 0 and 0.99 < first.largest <= 1  # the range of the images
    file = export.to_litert(aware, tmp_path / "aware.tflite", quantize="aware")
    assert export.verify(aware, file, images).largest_error < 0.02


def test_losses_by_name_apply_to_several_outputs(images):
    inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten()(inputs)
    kind = keras.layers.Dense(3, name="kind")(x)
    size = keras.layers.Dense(1, name="size", activation="sigmoid")(x)
    model = keras.Model(inputs, [kind, size])
    losses = {"kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "size": "mse"}
    model.compile("adam", losses)
    y = {"kind": np.arange(64) % 3, "size": images.mean((1, 2))}
    data = tf.data.Dataset.from_tensor_slices((images, (y["kind"], y["size"]))).batch(16)
    aware = compression.train_aware(model, data, epochs=1)
    assert [output.shape for output in aware(images)] == [(64, 3), (64, 1)]


def test_uncompiled_models_and_missing_data_are_refused(train):
    model = networks.make("plain")
    with pytest.raises(InvalidInput, match="compiled model, or optimizer and loss"):
        compression.train_aware(model, train)
    with pytest.raises(InvalidInput, match="at least one batch"):
        calibrate(compression.quantize_aware(model), train.take(0))
