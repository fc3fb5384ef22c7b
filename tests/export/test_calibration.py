"""What is said of calibration data and weights, order of inputs in a file, and its deviation."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from kerasdl.errors import InvalidInput
from kerasdl.export import convert, flatbuffer, quantize

SPECS = [tf.TensorSpec((1, 2), "float32", "a"), tf.TensorSpec((1, 3), "int32", "b")]
A, B = np.arange(8.0).reshape(4, 2), np.arange(12).reshape(4, 3)


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3, name="logits")(inputs), name="net")


def message_of(function, *arguments):
    with pytest.raises(InvalidInput) as raised:
        function(*arguments)
    return str(raised.value)


SUBJECT = "Invalid value for argument `calibration`. "


def test_values_outside_the_range_are_named(model):
    expected = f"{SUBJECT}Expected inputs like those of training, from 0 to 2. Received: values "
    for values, shown in (((-1.25, 1), "-1.25 to 1"), ((0, 3.25), "0 to 3.25")):
        arrays = {"x": np.array(values, "float32")}
        assert message_of(convert._check_calibration, arrays, model, (0, 2)) == (
            f"{expected}from {shown}"
        )
    # half of the range is allowed on each side
    convert._check_calibration({"x": np.array([-1, 3], "float32")}, model, (0, 2))
    # of several inputs it is not known which one the range is for
    convert._check_calibration({"x": np.ones(2), "y": np.full(2, 99.0)}, model, (0, 2))
    convert._check_calibration({"x": np.array([7, 99])}, model, (0, 2))  # tokens


def test_values_that_are_not_finite_are_named(model):
    arrays = {"i": np.array([[1, 2]]), "x": np.ones((3, 2)), "y": np.ones((3, 2))}
    arrays["y"][1, 0], arrays["y"][2, 1] = np.inf, np.nan
    assert message_of(convert._check_calibration, arrays, model, None) == (
        f"{SUBJECT}Expected finite numbers. Received: inf in example 1 of input `y`"
    )


@pytest.mark.parametrize(
    ("images", "are_bytes"),
    [
        (np.array([0, 255.0]).reshape(1, 1, 2, 1), True),
        (np.array([0, 2.0, 5]).reshape(1, 1, 1, 3), True),
        (np.array([0, 256.0]).reshape(1, 1, 2, 1), False),
        (np.array([-1, 255.0]).reshape(1, 1, 2, 1), False),
        (np.array([0, 1.0]).reshape(1, 1, 2, 1), False),
        (np.array([0, 25.5]).reshape(1, 1, 2, 1), False),
        (np.array([0, 255.0]).reshape(1, 1, 1, 2), False),
        (np.array([0, 255.0]).reshape(1, 2, 1), False),
    ],
)
def test_images_of_whole_numbers_are_bytes(images, are_bytes, model):
    assert bool(convert._are_bytes(images)) is are_bytes
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        convert._check_calibration({"x": images}, model, None)
    assert len(found) == are_bytes
    if are_bytes:
        assert str(found[0].message) == (
            f"`calibration` holds images of whole numbers from 0 to {images.max():g}, and model "
            "`net` has no Rescaling or Normalization layer: if it was trained on values from 0 to "
            "1, divide them by 255."
        )


@pytest.mark.parametrize("layer", [layers.Rescaling(0.5), layers.Normalization(mean=0, variance=1)])
def test_layers_that_rescale(layer, model):
    inputs = keras.Input((4,))
    assert convert._rescales(keras.Model(inputs, layer(inputs)))
    assert not convert._rescales(model)


def test_weights_that_are_not_finite_are_named(model):
    kernel, bias = model.variables
    for value in (np.inf, np.nan):
        before = bias.numpy()
        bias.assign([0, value, 0])
        assert message_of(convert._check_weights, model) == (
            f"Invalid model `net`. Expected finite weights. Received: {value} in `{bias.path}`"
        )
        bias.assign(before)
    convert._check_weights(model)
    # masks and limits may be infinite if they are not trained
    kernel.trainable = False
    before = kernel.numpy()
    kernel.assign(np.full((4, 3), -np.inf))
    convert._check_weights(model)
    kernel.assign(np.full((4, 3), np.nan))
    assert "Received: nan in" in message_of(convert._check_weights, model)
    kernel.assign(before)


@pytest.mark.parametrize(
    ("deviation", "method", "advice"),
    [
        (None, "int8", None),
        (0.5, "int8", None),
        (0.51, "int8", "'int16x8' or 'dynamic'"),
        (2.0, "int16x8", "'dynamic'"),
        (math.nan, "int8", "'int16x8' or 'dynamic'"),
    ],
)
def test_files_that_are_off_by_more_than_half_warn(deviation, method, advice):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        convert._warn_if_far(deviation, "m.tflite", method)
    assert len(found) == (advice is not None)
    if advice:
        assert str(found[0].message) == (
            f"The outputs of m.tflite for the calibration data are off by {deviation:.0%} of their "
            f"size: {method} does not suit this model or these data. Try quantize={advice}."
        )


def test_inputs_are_taken_by_name_or_in_order():
    for given in ((A, B), [A, B], {"b": B, "a": A, "label": A}):
        first, second = convert._inputs(given, SPECS)
        assert first is A and second is B
    assert convert._inputs(iter([A]), SPECS) == []
    assert convert._inputs({"p": A, "q": B}, SPECS)[1] is B  # other names: by their order


@pytest.mark.parametrize(
    ("arrays", "holds"),
    [([A, B], True), ([B, A], False), ([A], False), ([A, B[0]], False), ([A, B[:1]], True)],
)
def test_arrays_fit_if_they_are_batches_of_the_inputs(arrays, holds):
    assert convert._fit(arrays, SPECS) is holds


def test_calibration_arrays_have_the_types_of_the_inputs():
    found = convert._calibration_arrays((A, B.astype("float64")), SPECS, 4)
    assert {name: array.dtype.name for name, array in found.items()} == {
        "a": "float32",
        "b": "int32",
    }
    assert message_of(convert._calibration_arrays, (A, B), SPECS, 5) == (
        f"{SUBJECT}Expected 5 or more examples of shape (2,), (3,). Received: shape (4, 2), (4, 3)"
    )
    assert message_of(convert._calibration_arrays, (A, B[:, :2]), SPECS, 1) == (
        f"{SUBJECT}Expected 1 or more examples of shape (2,), (3,). Received: shape (4, 2), (4, 2)"
    )
    assert message_of(convert._calibration_arrays, iter([]), SPECS, 1) == (
        f"{SUBJECT}Expected 1 or more examples of shape (2,), (3,). Received: shape none"
    )


def signature_of(names):
    signature = schema.SignatureDefT()
    signature.subgraphIndex, signature.signatureKey = 0, b"serving_default"

    def maps(pairs):
        made = []
        for name, index in pairs:
            tensor = schema.TensorMapT()
            tensor.name, tensor.tensorIndex = name.encode(), index
            made.append(tensor)
        return made

    signature.inputs, signature.outputs = (maps(pairs) for pairs in names)
    return signature


def test_inputs_and_outputs_of_a_file_get_an_order():
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    for _ in range(5):
        tensor = schema.TensorT()
        tensor.shape, tensor.buffer = [1], 0
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = [0, 1, 2], [3, 4]
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], []
    model.buffers = [schema.BufferT()]
    pairs = [("input_10", 0), ("input_2", 1), ("x", 2)], [("b", 4), ("a", 3)]
    model.signatureDefs = [signature_of(pairs)]
    content = flatbuffer.in_order(flatbuffer.write(model), ["x", "input_2", "input_10"], ["b", "a"])
    found = flatbuffer.read(content).subgraphs[0]
    assert list(found.inputs) == [2, 1, 0] and list(found.outputs) == [4, 3]


class Interpreter:
    """Multiply by the number in the content of a file; b"nan" gives NaN."""

    def __init__(self, model_content):
        self.factor = float(model_content)

    def get_signature_list(self):
        return {"serving_default": {}}

    def get_signature_runner(self, name):
        return lambda x: {"y": x * self.factor, "z": np.full(1, 3.0)}


def test_deviation_is_relative_to_the_size_of_the_outputs(monkeypatch):
    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", Interpreter)
    batches = [{"x": np.array([[3.0, 4.0]])}, {"x": np.array([[0.0, -1.0]])}]
    # y' - y = 0.25 y for every number, and z is equal
    assert quantize.deviation(b"2", b"2.5", batches) == pytest.approx(0.25)
    assert quantize.deviation(b"2", b"2", batches) == 0
    assert quantize.deviation(b"2", b"nan", batches) == math.inf
    # outputs of zeros have the size 1e-6
    assert quantize.deviation(b"0", b"1", batches) == pytest.approx(math.sqrt(26 / 4) / 1e-6)
