"""Inputs and outputs of a traced model have the names, shapes and types of the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.src.export import export_utils

from kerasdl.errors import InvalidInput
from kerasdl.export import trace


def dense(name="picture", shape=(4,)):
    inputs = keras.Input(shape, name=name)
    return keras.Model(inputs, layers.Dense(3, name="logits")(inputs))


@pytest.mark.parametrize(
    ("structure", "names"),
    [
        (1, ["input"]),
        ([1, 2], ["input_0", "input_1"]),
        ({"b": 1, "a": 2}, ["a", "b"]),
        ({"a": [1, 2]}, ["a_0", "a_1"]),
        ([{"x": 1}, 2], ["input_0_x", "input_1"]),
        ({"my input": 1}, ["my_input"]),
    ],
)
def test_tensors_are_named_by_their_position(structure, names):
    assert trace.leaf_names("input", structure) == names


def test_input_has_the_name_and_batch_size_of_the_user():
    for batch_size in (None, 1, 7):
        (spec,) = trace.input_specs(dense(), batch_size)
        assert (spec.name, spec.shape.as_list()) == ("picture", [batch_size, 4])
        assert spec.dtype == "float32"
    (spec,) = trace.input_specs(dense("my picture"), 1)
    assert spec.name == "my_picture"
    (spec,) = trace.input_specs(keras.Sequential([keras.Input((4,)), layers.Dense(1)]), 1)
    assert spec.name == "input"  # not a name that Keras made


def test_inputs_in_a_dictionary_are_named_by_keys():
    image, size = keras.Input((4,), name="image"), keras.Input((2,), name="size", dtype="int32")
    model = keras.Model({"image": image, "size": size}, image + 0)
    (specs,) = trace.input_specs(model, 1)
    assert {key: spec.name for key, spec in specs.items()} == {"image": "image", "size": "size"}
    assert specs["size"].dtype == "int32" and specs["size"].shape.as_list() == [1, 2]


def test_names_that_would_collide_are_replaced():
    first, second = keras.Input((4,), name="input_1"), keras.Input((4,))
    (specs,) = trace.input_specs(keras.Model([first, second], first + second), 1)
    assert [spec.name for spec in specs] == ["input_0", "input_1"]


def test_unknown_sizes_require_an_example():
    model = dense(shape=(None, 4))
    message = r"input of model `.*fixed sizes \(give an `example`.*Received: \(None, None, 4\)"
    with pytest.raises(InvalidInput, match=message):
        trace.input_specs(model, 1)
    (spec,) = trace.input_specs(model, 2, example=np.zeros((5, 6, 4), "float32"))
    assert spec.shape.as_list() == [2, 6, 4]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def test_subclassed_model_requires_an_example_or_a_call():
    model = Subclassed()
    with pytest.raises(InvalidInput, match=r"built or was called once, or an `example`") as caught:
        trace.input_specs(model, 1)
    assert f"model `{model.name}`" in str(caught.value) and "\n" not in str(caught.value)
    trace.input_specs(model, 1, example=np.zeros((5, 4), "float32"))
    assert model.built and len(model.weights) == 2
    called = Subclassed()
    called(np.zeros((5, 4), "float32"))
    (spec,) = trace.input_specs(called, 1)
    assert spec.shape.as_list() == [1, 4]


@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
def test_outputs_are_those_of_inference_with_activation(activation):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dropout(0.9)(layers.Dense(3)(inputs)))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    (output,) = trace.serving_function(model, activation)(x).values()
    activate = keras.activations.get(activation)
    np.testing.assert_allclose(output, activate(model(x, training=False)), rtol=1e-6)


def test_outputs_are_named_by_keys_or_layers():
    inputs = keras.Input((4,))
    first, second = layers.Dense(1, name="age")(inputs), layers.Dense(2, name="kind")(inputs)
    x = np.zeros((1, 4), "float32")

    def names(outputs):
        return list(trace.serving_function(keras.Model(inputs, outputs))(x))

    assert names(first) == ["output"]
    assert names([first, second]) == ["age", "kind"]
    assert names({"b": first, "a": second}) == ["a", "b"]
    assert names([first, first + 1]) != ["age", "age"]


def test_settings_apply_only_inside_the_block():
    inputs = keras.Input((5, 4))
    lstm = layers.LSTM(2, dtype="mixed_bfloat16")
    model = keras.Model(inputs, layers.Dense(2)(lstm(inputs)))
    before = lstm.use_cudnn
    for quantize, unrolled in ((None, False), ("float16", False), ("int8", True), ("int4", True)):
        with trace.settings(model, quantize):
            assert lstm.compute_dtype == "float32" and lstm.use_cudnn is False
            assert lstm.unroll == unrolled
        assert lstm.compute_dtype == "bfloat16" and not lstm.unroll and lstm.use_cudnn == before
    with trace.settings(model, "int16x8"):
        assert lstm.unroll


def test_saved_model_has_signature_with_weights_as_inputs(tmp_path):
    model = dense()
    kernel = model.trainable_variables[0]
    specs, outputs = trace.save(
        model,
        tmp_path / "m",
        batch_size=2,
        signature="run",
        as_inputs=[kernel],
        activation="softmax",
    )
    assert [spec.name for spec in specs] == ["picture"] and list(outputs) == ["output"]
    run = tf.saved_model.load(str(tmp_path / "m")).signatures["run"]
    shapes = {name: s.shape.as_list() for name, s in run.structured_input_signature[1].items()}
    assert shapes == {"picture": [2, 4], "weight_0": [4, 3]}
    x = tf.ones((2, 4))
    for value in (kernel.numpy(), 3 * kernel.numpy()):
        (found,) = run(picture=x, weight_0=tf.constant(value)).values()
        expected = tf.nn.softmax(x @ value + model.trainable_variables[1])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_reason_why_keras_knows_no_inputs_is_shown():
    model = Subclassed()
    with pytest.raises((TypeError, ValueError)) as reason:
        export_utils.get_input_signature(model)
    with pytest.raises(InvalidInput) as raised:
        trace.input_signature(model)
    assert str(raised.value) == (
        f"Invalid model `{model.name}`. Expected a Keras model that is built or was called once, "
        f"or an `example` of its input. Received: {str(reason.value).splitlines()[0]}"
    )


def test_all_inputs_of_free_size_are_named():
    a, b = keras.Input((None, 2), name="a"), keras.Input((3, None), name="b")
    model = keras.Model([a, b, keras.Input((4,))], [a + 0, b + 0])
    with pytest.raises(InvalidInput) as raised:
        trace.input_specs(model, 1)
    assert str(raised.value) == (
        f"Invalid input of model `{model.name}`. Expected fixed sizes (give an `example`, whose "
        "shape fixes them). Received: (None, None, 2), (None, 3, None)"
    )


def test_example_builds_a_model_in_inference_mode():
    class Model(Subclassed):
        def call(self, inputs, training=None):
            modes.append(training)
            return super().call(inputs)

    modes, model = [], Model()
    (spec,) = trace.input_specs(model, None, example=np.zeros((5, 4), "float32"))
    assert (spec.name, spec.shape.as_list(), spec.dtype) == ("input", [None, 4], "float32")
    assert model.built and modes[-1] is False
    modes.clear()
    trace.input_specs(model, None, example=np.zeros((5, 4), "float32"))
    assert modes == []  # a model that is built is not called


def test_settings_change_no_other_layers():
    inputs = keras.Input((5, 4))
    simple = layers.SimpleRNN(2, dtype="float16")
    dense = layers.Dense(2)
    model = keras.Model(inputs, dense(simple(inputs)))
    with trace.settings(model, "int4"):
        assert simple.unroll and simple.compute_dtype == "float32"
        assert not hasattr(simple, "use_cudnn")
        assert not hasattr(dense, "unroll") and dense.compute_dtype == "float32"
    assert not simple.unroll and simple.compute_dtype == "float16"
    with trace.settings(model, "dynamic"):
        assert not simple.unroll


def test_full_disk_is_an_error_of_the_system(tmp_path, monkeypatch):
    def save(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left")

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(OSError, match=rf"^{tmp_path}: No space left$"):
        trace.save(dense(), tmp_path)


def test_saved_model_holds_all_variables_in_order(tmp_path):
    model = dense()
    (spec,), outputs = trace.save(model, tmp_path / "m")
    assert list(outputs) == ["output"] and spec.shape.as_list() == [None, 4]
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    assert list(loaded.signatures) == ["serving_default"]
    for part, variable in zip(loaded.parts, model.variables, strict=True):
        np.testing.assert_array_equal(part, variable)
    x = np.ones((3, 4), "float32")
    (found,) = loaded.signatures["serving_default"](picture=x).values()
    np.testing.assert_allclose(found, model(x), rtol=1e-6)
