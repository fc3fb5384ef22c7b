"""What is asked of the converter process, and how its answers become one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasdl import export
from kerasdl.errors import InvalidInput
from kerasdl.export import convert
from kerasdl.export.worker import CrashError
from tests.export.networks import pair, vectors


class Converter:
    """A converter process that writes an empty file and remembers its job."""

    def __init__(self, answer=None):
        self.answer, self.job, self.calibration = answer or {}, None, None

    def start(self):
        pass

    def run(self, **job):
        self.job = job
        if isinstance(self.answer, Exception):
            raise self.answer
        if job.get("quantize") in ("int8", "int16x8"):
            self.calibration = dict(np.load(job["calibration"]))
        self.served = tf.saved_model.load(job["saved_model"]).signatures
        with open(job["output"], "wb") as file:
            file.write(b"....TFL3")
        return self.answer


@pytest.fixture
def converter(monkeypatch):
    made = Converter()
    monkeypatch.setattr(convert, "WORKER", made)
    return made


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, layers.Dense(3, name="logits")(inputs), name="net")


def without_paths(job):
    paths = ("saved_model", "output", "calibration")
    return {k: v for k, v in job.items() if k not in (*paths, "inputs", "outputs")}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"quantize": None, "short_scales": True}),
        ({"quantize": "float16"}, {"quantize": "float16", "short_scales": True}),
        ({"quantize": "aware"}, {"quantize": "aware", "short_scales": False}),
        ({"quantize": "aware", "short_scales": True}, {"quantize": "aware", "short_scales": True}),
        ({"quantize": "int4", "short_scales": False}, {"quantize": "int4", "short_scales": False}),
        ({"batch_size": 7}, {"batch_size": 7, "quantize": None, "short_scales": True}),
        ({"batch_size": None}, {"quantize": None, "short_scales": True}),
        ({"sparse": True}, {"sparse": True, "quantize": None, "short_scales": True}),
    ],
)
def test_the_converter_gets_the_options_and_their_defaults(
    options, expected, converter, model, tmp_path
):
    export.to_litert(model, tmp_path / "m.tflite", **options)
    assert without_paths(converter.job) == {"batch_size": 1, "sparse": False, **expected}
    (signature,) = converter.served.values()
    (spec,) = signature.structured_input_signature[1].values()
    assert spec.shape.as_list() == [options.get("batch_size", 1), 4]


def test_a_file_has_its_metadata_and_signature(converter, model, tmp_path):
    facts = {"labels": ("a", "b", "c"), "description": "Three", "input_range": (0.0, 2.0)}
    options = {**facts, "activation": "softmax", "signature": "run", "quantize": "aware"}
    file = export.to_litert(model, tmp_path / "m.tflite", **options)
    found = file.metadata
    assert {name: getattr(found, name) for name in facts} == facts
    assert (found.activation, found.quantize) == ("softmax", "int8")
    assert list(converter.served) == ["run"]
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


@pytest.mark.parametrize("as_dataset", [False, True])
def test_calibration_is_the_first_200_examples_by_name(as_dataset, converter, model, tmp_path):
    x = np.arange(1200.0).reshape(300, 4)
    data = tf.data.Dataset.from_tensor_slices((x, x[:, 0])).batch(64) if as_dataset else x
    export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=data)
    (name,) = converter.calibration
    assert name == "x" and converter.calibration["x"].dtype == "float32"
    np.testing.assert_array_equal(converter.calibration["x"], x[:200])


X = np.arange(80.0).reshape(20, 4)


@pytest.mark.parametrize(
    "calibration",
    [
        (x for x in (X[:8], X[8:])),  # a generator of batches
        ((x, 1.0) for x in X),  # of single examples with labels
        lambda: ([x[None]] for x in X),  # a `representative_dataset`
        [X[:8], X[8:]],
        list(X),
        X.tolist(),
        [X],
        {"x": X, "label": X[:, 0]},
        tf.data.Dataset.from_tensor_slices(X),
    ],
)
def test_calibration_may_be_batches_or_examples(calibration, converter, model, tmp_path):
    export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=calibration)
    np.testing.assert_array_equal(converter.calibration["x"], X)


def test_calibration_of_several_inputs_has_the_order_of_the_model(converter, tmp_path):
    model, (query, document) = pair(), vectors(2)
    by_name = {"document": document, "query": query}
    pairs = zip(query, document, strict=True)
    for calibration in ([query, document], by_name, pairs, ((x, 0) for x in [(query, document)])):
        options = {"quantize": "int8", "calibration": calibration}
        export.to_litert(model, tmp_path / "m.tflite", **options)
        np.testing.assert_array_equal(converter.calibration["query"], query)
        np.testing.assert_array_equal(converter.calibration["document"], document)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_calibration_that_is_not_finite_is_refused(value, converter, model, tmp_path):
    x = X.copy()
    x[7, 2] = value
    message = rf"Expected finite numbers. Received: {value} in example 7 of input `x`$"
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=x)


def test_calibration_with_other_values_than_the_training_data_is_refused(
    converter, model, tmp_path
):
    options = {"quantize": "int8", "input_range": (0.0, 1.0)}
    message = r"Expected inputs like those of training, from 0 to 1. Received: values from 0 to 79$"
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", calibration=X, **options)
    export.to_litert(model, tmp_path / "m.tflite", calibration=X / 79, **options)


def test_images_of_bytes_for_a_model_without_rescaling_warn(converter, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), "uint8")
    inputs = keras.Input((4, 4, 3))
    plain = keras.Model(inputs, layers.Flatten()(inputs), name="net")
    options = {"path": tmp_path / "m.tflite", "quantize": "int8"}
    with pytest.warns(UserWarning, match="`net` has no Rescaling .* divide them by 255") as found:
        export.to_litert(plain, calibration=images, **options)
    assert "\n" not in str(found[0].message)
    export.to_litert(plain, calibration=images / 255, **options)
    rescaled = keras.Model(inputs, layers.Flatten()(layers.Rescaling(1 / 255)(inputs)))
    export.to_litert(rescaled, calibration=images, **options)


def test_weights_that_are_not_finite_are_refused(converter, tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(inputs), name="net")
    kernel = model.trainable_variables[0]
    for value in (np.nan, np.inf):
        kernel.assign(np.full((4, 3), value))
        message = rf"model `net`. Expected finite weights. Received: {value} in `.*logits/kernel`$"
        with pytest.raises(InvalidInput, match=message):
            export.to_litert(model, tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("calibration", "batch_size", "message"),
    [
        (
            np.ones((3, 5)),
            1,
            r"Expected 1 or more examples of shape \(4,\). Received: shape \(3, 5\)",
        ),
        (
            np.ones((2, 4)),
            3,
            r"Expected 3 or more examples of shape \(4,\). Received: shape \(2, 4\)",
        ),
        ((np.ones((2, 4)),) * 2, 1, r"Received: shape \(2, 4\), \(2, 4\)$"),
        (tf.data.Dataset.range(0), 1, "Received: shape none$"),
    ],
)
def test_calibration_that_does_not_fit_is_refused(
    calibration, batch_size, message, converter, model, tmp_path
):
    options = {"quantize": "int8", "calibration": calibration, "batch_size": batch_size}
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_as_many_examples_as_a_batch_are_enough(converter, model, tmp_path):
    options = {"quantize": "int16x8", "calibration": np.ones((3, 4)), "batch_size": 3}
    export.to_litert(model, tmp_path / "m.tflite", **options)
    assert len(converter.calibration["x"]) == 3


@pytest.mark.parametrize(
    ("answer", "options", "message"),
    [
        (
            {"operators": [["Erf", "net/logits_1/MatMul"], ["Igamma", "other/y"]]},
            {},
            r"^Invalid model `net` for LiteRT. Expected operators that are built into LiteRT. "
            r"Received: Erf in layer `logits`, Igamma$",
        ),
        (
            {"error": "no room", "scope": "net/logits/add"},
            {"quantize": "int4"},
            r"^Invalid model `net` for LiteRT int4. Expected one that the converter accepts. "
            r"Received: no room in layer `logits`$",
        ),
        (
            CrashError("SIGSEGV (oops)"),
            {},
            r"^Invalid model `net` for LiteRT. Expected one that does not crash the converter "
            r"\(try another layer\). Received: a crash of the converter: SIGSEGV \(oops\)$",
        ),
        (
            CrashError("SIGSEGV (oops)"),
            {"quantize": "dynamic"},
            r"\(try quantize='dynamic' or 'float16', or another layer\)",
        ),
    ],
)
def test_a_failure_is_one_line_and_leaves_no_file(
    answer, options, message, converter, model, tmp_path
):
    converter.answer = answer
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("net/outer/inner_3/MatMul", " in layer `outer/inner`"),
        ("net/conv_1/x", " in layer `conv_1`"),
        ("net/conv_12/x", " in layer `conv`"),
        ("outer", ""),
        ("", ""),
        ("net/unknown/x", ""),
    ],
)
def test_a_scope_names_the_layers_in_it(scope, found):
    assert convert._layer(scope, {"outer", "inner", "conv", "conv_1", "net"}) == found


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("m.onnx", {}, r"`path`. Expected a name that ends in .tflite. Received: .*m.onnx"),
        ("none/m.tflite", {}, r"`path`. Expected a folder that exists. Received: .*none"),
        ("m.tflite", {"activation": "relu"}, r"`activation`. Expected one of sigmoid, softmax"),
        ("m.tflite", {"batch_size": 0}, "`batch_size`. Expected a positive integer or None"),
        ("m.tflite", {"quantize": "int9"}, "`quantize`. Expected one of "),
        ("m.tflite", {"quantize": "int16x8"}, "inputs for int16x8. Received: None$"),
        (
            "m.tflite",
            {"calibration": [1]},
            r"`calibration`. Expected none but for int8 and int16x8. Received: list$",
        ),
        (
            "m.tflite",
            {"quantize": "int4", "sparse": True},
            r"`sparse`. Expected False with int4. Received: True$",
        ),
    ],
)
def test_options_are_checked_before_anything_is_traced(name, options, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        convert.check_litert_options(tmp_path / name, **options)


def test_options_that_are_allowed(tmp_path):
    for options in (
        {},
        {"sparse": True},
        {"batch_size": None, "activation": "sigmoid"},
        {"quantize": "int8", "calibration": [1]},
    ):
        convert.check_litert_options(tmp_path / "m.tflite", **options)


def test_a_saved_model_folder_is_new(model, tmp_path):
    made = export.to_saved_model(model, tmp_path / "m", batch_size=2, signature="run")
    assert made == tmp_path / "m"
    (name,) = tf.saved_model.load(str(made)).signatures
    assert name == "run"
    with pytest.raises(InvalidInput, match=r"`path`. Expected a folder that does not exist yet"):
        export.to_saved_model(model, tmp_path / "m")
