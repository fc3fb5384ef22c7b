"""LiteRT files have the outputs of their Keras models; failures are one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasdl import export
from kerasdl.errors import InvalidInput
from kerasdl.export import flatbuffer
from kerasdl.export.worker import WORKER
from tests.export.networks import (
    Subclassed,
    attention,
    cnn,
    images,
    lstm,
    pair,
    sequential,
    tokens,
    twelve,
    two_heads,
    vectors,
)


@pytest.mark.rows("CMP-12")
@pytest.mark.parametrize(
    ("make", "x"),
    [
        (cnn, images()),
        (sequential, images()),
        (lstm, tokens()),
        (attention, tokens()),
    ],
)
def test_a_float_file_equals_the_model(make, x, tmp_path):
    model = make()
    file = export.to_litert(model, tmp_path / "model.tflite")
    parity = export.verify(model, file, x)
    assert parity.largest_error < 1e-5
    assert parity.agreement == 1
    assert parity.count == len(x)
    assert not any(name.startswith(("custom", "Flex")) for name in file.operators)
    assert [p.name for p in tmp_path.iterdir()] == ["model.tflite"]


def test_a_subclassed_model_is_exported_after_a_call(tmp_path):
    model = Subclassed()
    with pytest.raises(InvalidInput, match="built or was called once"):
        export.to_litert(model, tmp_path / "model.tflite")
    file = export.to_litert(model, tmp_path / "model.tflite", example=images())
    assert export.verify(model, file, images()).largest_error < 1e-5
    file = export.to_litert(model, tmp_path / "again.tflite")
    assert export.verify(model, file, images()).largest_error < 1e-5


def test_several_inputs_and_outputs_keep_their_names(tmp_path):
    model = two_heads()
    x = {"image": images(), "size": images()[:, 0, :2, 0]}
    file = export.to_litert(model, tmp_path / "model.tflite")
    assert {name: shape for name, (shape, _) in file.inputs.items()} == {
        "image": (1, 8, 8, 1),
        "size": (1, 2),
    }
    outputs = file.predict(x)
    assert outputs["kind"].shape == (16, 5)
    assert outputs["age"].shape == (16, 1)
    assert export.verify(model, file, x).largest_error < 1e-5
    file = export.to_litert(model, tmp_path / "int8.tflite", quantize="int8", calibration=x)
    assert export.verify(model, file, x).largest_error < 0.1


@pytest.mark.parametrize("quantize", [None, "int8", "int4"])
def test_a_list_of_inputs_has_the_order_of_the_model(quantize, tmp_path):
    model, x = pair(), vectors(2)
    calibration = x if quantize == "int8" else None
    options = {"quantize": quantize, "calibration": calibration}
    file = export.to_litert(model, tmp_path / "m.tflite", **options)
    assert list(file.inputs) == ["query", "document"]
    assert list(file.outputs) == ["score", "more"]
    tensors = [detail["name"] for detail in file.interpreter.get_input_details()]
    assert ["query" in name for name in tensors] == [True, False]
    by_name = {"document": x[1], "query": x[0]}
    for given in (x, tuple(x), by_name):
        found = file.predict(given)
        assert list(found) == ["score", "more"]
        np.testing.assert_array_equal(found["score"], file.predict(by_name)["score"])
        assert export.verify(model, file, given).largest_error < (0.5 if quantize else 1e-5)
    with pytest.raises(InvalidInput, match=r"Expected 2 arrays: query, document. Received: 3$"):
        file.predict([*x, x[0]])


def test_twelve_unnamed_inputs_and_outputs_keep_their_order(tmp_path):
    model, x = twelve(), vectors(12, size=2)
    file = export.to_litert(model, tmp_path / "m.tflite")
    assert list(file.inputs) == [f"input_{number}" for number in range(12)]
    found = file.predict(x)
    for number, output in enumerate(found.values()):
        np.testing.assert_allclose(output, (number + 1) * x[number], rtol=1e-6)
    assert export.verify(model, file, x).largest_error < 1e-5


def test_keys_of_a_dictionary_may_differ_from_the_names_of_the_inputs(tmp_path):
    b, a = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    with pytest.warns(UserWarning, match="all keys in the dict must match"):
        model = keras.Model({"b": b, "a": a}, layers.Dense(3)(a) - b[:, :3])
    x = dict(zip("ba", vectors(2), strict=True))
    file = export.to_litert(model, tmp_path / "m.tflite")
    assert export.verify(model, file, x).largest_error < 1e-5
    file = export.to_litert(model, tmp_path / "n.tflite", quantize="int8", calibration=x)
    assert export.verify(model, file, x).largest_error < 0.1


def test_a_file_far_from_its_model_warns(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, use_bias=False)(inputs) * 1e-3)
    x = np.full((20, 4), 0.001, "float32")
    x[19, 0] = 1000  # the range of the input, in which the other examples are 0
    with pytest.warns(UserWarning, match=r"off by \d+% of their size: int8 does not suit") as found:
        export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=x)
    assert "\n" not in str(found[0].message)


def test_int16x8_names_the_layer_that_it_cannot_quantize(tmp_path):
    inputs = keras.Input((4, 4, 4, 2))
    model = keras.Model(inputs, layers.Conv3D(3, 2, name="cube")(inputs), name="net")
    x = np.random.default_rng(0).random((4, 4, 4, 4, 2), dtype="float32")
    options = {"quantize": "int16x8", "calibration": x}
    message = r"operators that int16x8 can quantize \(try .* Received: CONV_3D in layer `cube`$"
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", **options)


def test_a_layer_that_is_called_twice_is_stored_once(tmp_path):
    first, second = keras.Input((128,)), keras.Input((128,))
    dense = layers.Dense(256, use_bias=False)
    model = keras.Model([first, second], layers.Concatenate()([dense(first), dense(second)]))
    x = vectors(2, size=128)
    for quantize in ("int8", "int4"):
        options = {"quantize": quantize, "calibration": x if quantize == "int8" else None}
        file = export.to_litert(model, tmp_path / "m.tflite", **options)
        assert file.operators["FULLY_CONNECTED"] == 2 and file.size < 1.5 * 128 * 256
        assert list(file.inputs) == ["input_0", "input_1"]  # the converter swaps these
        assert export.verify(model, file, x).agreement > 0.5


def test_a_dynamic_file_says_whether_weights_are_quantized(tmp_path):
    small, inputs = sequential(), keras.Input((64,))
    large = keras.Model(inputs, layers.Dense(64)(inputs))
    for model, found in ((small, None), (large, "dynamic")):
        file = export.to_litert(model, tmp_path / "m.tflite", quantize="dynamic")
        assert file.metadata.quantize == found
    weights = flatbuffer.weight_bytes(file.path.read_bytes())
    assert weights["INT8"] == 64 * 64


@pytest.mark.parametrize("batch_size", [None, 3])
def test_predict_takes_any_number_of_examples_for_any_batch_size(batch_size, tmp_path):
    model = cnn()
    file = export.to_litert(model, tmp_path / "model.tflite", batch_size=batch_size)
    assert next(iter(file.inputs.values()))[0][0] == (batch_size or -1)
    for count in (1, 7, 70):
        assert export.verify(model, file, images(count)).largest_error < 1e-5


def test_the_activation_is_appended_and_verified(trained, tmp_path):
    model, x, _ = trained
    file = export.to_litert(model, tmp_path / "m.tflite", activation="softmax")
    np.testing.assert_allclose(file.predict(x[:5]).sum(-1), 1, rtol=1e-5)
    assert "SOFTMAX" in file.operators
    assert export.verify(model, file, x).largest_error < 1e-5


def test_metadata_is_stored_and_files_are_reproducible(trained, tmp_path):
    model, _, _ = trained
    options = {"labels": ("a", "b", "ü", "d"), "description": "Quarters", "input_range": (0, 1.5)}
    file = export.to_litert(model, tmp_path / "m.tflite", **options)
    again = export.LiteRTModel(tmp_path / "m.tflite")
    assert again.labels == options["labels"]
    assert again.description == "Quarters"
    assert again.metadata.input_range == (0, 1.5)
    other = export.to_litert(model, tmp_path / "n.tflite", **options)
    assert other.path.read_bytes() == file.path.read_bytes()


def test_mixed_precision_exports_as_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = cnn()
    finally:
        keras.config.set_dtype_policy("float32")
    file = export.to_litert(model, tmp_path / "m.tflite")
    assert export.verify(model, file, images()).largest_error < 1e-5
    assert model.layers[1].compute_dtype == "bfloat16"


class NotBuiltIn(layers.Layer):
    def call(self, inputs):
        return tf.math.igamma(inputs, inputs)


def test_an_operator_that_litert_lacks_is_named_with_its_layer(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, NotBuiltIn(name="gamma")(layers.Dense(4)(inputs)))
    with pytest.raises(InvalidInput, match="Received: Igamma in layer `gamma`"):
        export.to_litert(model, tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


def test_a_recurrent_layer_with_a_variable_batch_size_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"element_shape to be static.*in layer `lstm") as caught:
        export.to_litert(lstm(), tmp_path / "m.tflite", batch_size=None)
    assert "\n" not in str(caught.value)


def test_an_example_sets_unknown_sizes(tmp_path):
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(20, 16)(inputs)
    x = x + layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
    model = keras.Model(inputs, layers.Dense(20)(x))
    with pytest.raises(InvalidInput, match=r"fixed sizes .*Received: \(None, None\)"):
        export.to_litert(model, tmp_path / "m.tflite")
    file = export.to_litert(model, tmp_path / "m.tflite", example=tokens())
    assert file.inputs == {"input": ((1, 12), np.int32)}
    assert export.verify(model, file, tokens()).largest_error < 1e-5


def test_a_crash_is_one_error_and_the_next_call_works(tmp_path, monkeypatch):
    run = WORKER.run

    def run_and_die(**job):
        WORKER.start()
        WORKER.process.send_signal(11)
        WORKER.process.wait()
        # so that the crash is detected while waiting for the answer
        monkeypatch.setattr(WORKER, "start", lambda: None)
        return run(**job)

    with monkeypatch.context() as patch:
        patch.setattr(WORKER, "run", run_and_die)
        with pytest.raises(InvalidInput, match="a crash of the converter: SIGSEGV"):
            export.to_litert(cnn(), tmp_path / "m.tflite")
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())
    assert export.to_litert(cnn(), tmp_path / "m.tflite").size > 1000


def test_converting_prints_nothing(tmp_path, capfd):
    model = cnn()
    capfd.readouterr()
    file = export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=images())
    file.predict(images())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int9"}, "`quantize`.*Received: int9"),
        ({"quantize": "int8"}, "Expected inputs for int8. Received: None"),
        ({"quantize": "int4", "sparse": True}, "False with int4"),
        ({"calibration": images()}, "none but for int8 and int16x8"),
        (
            {"quantize": "int8", "calibration": images()[:0]},
            r"or more examples of shape \(8, 8, 1\)",
        ),
        ({"quantize": "int8", "calibration": tokens()}, r"Received: shape \(8, 12\)"),
        ({"batch_size": 0}, "`batch_size`.*Received: 0"),
        ({"activation": "softmx"}, "softmax. Received: softmx"),
    ],
)
def test_invalid_options_are_refused(options, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(cnn(), tmp_path / "m.tflite", **options)


def test_paths_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="a folder that exists"):
        export.to_litert(cnn(), tmp_path / "none" / "m.tflite")
    with pytest.raises(InvalidInput, match=r"ends in \.tflite"):
        export.to_litert(cnn(), tmp_path / "m.keras")
    (tmp_path / "m.tflite").mkdir()
    with pytest.raises(InvalidInput, match="a writable folder"):
        export.to_litert(cnn(), tmp_path / "m.tflite")
