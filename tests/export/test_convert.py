"""What is asked of the converter process, and how its answers become one line."""

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasdl import export
from kerasdl.errors import InvalidInput
from kerasdl.export import convert, metadata
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
    return {k: v for k, v in job.items() if k not in (*paths, "inputs", "outputs", "facts")}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"quantize": None, "short_scales": True}),
        ({"quantize": "float16"}, {"quantize": "float16", "short_scales": True}),
        ({"quantize": "aware"}, {"quantize": "aware", "short_scales": False}),
        ({"quantize": "aware", "short_scales": True}, {"quantize": "aware", "short_scales": True}),
        ({"quantize": "int4", "short_scales": False}, {"quantize": "int4", "short_scales": False}),
        (
            {"quantize": "aware", "input_type": "int8"},
            {"quantize": "aware", "short_scales": False, "input_type": "int8"},
        ),
        ({"batch_size": 7}, {"batch_size": 7, "quantize": None, "short_scales": True}),
        ({"batch_size": None}, {"quantize": None, "short_scales": True}),
        ({"sparse": True}, {"sparse": True, "quantize": None, "short_scales": True}),
    ],
)
def test_the_converter_gets_the_options_and_their_defaults(
    options, expected, converter, model, tmp_path
):
    export.to_litert(model, tmp_path / "m.tflite", **options)
    defaults = {"batch_size": 1, "sparse": False, "input_type": "float32"}
    assert without_paths(converter.job) == {**defaults, **expected}
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


@pytest.fixture
def no_worker(monkeypatch):
    """Fail if a converter process is started."""
    monkeypatch.setattr(convert, "WORKER", None)


EXPORTS = {
    ".tflite": export.to_litert,
    ".onnx": export.to_onnx,
    "": export.to_saved_model,
}
RANGE = "the smallest and the largest input value, or None"


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "ab"}, "`labels`. Expected a tuple of texts. Received: 'ab'"),
        ({"labels": ("a", 1)}, "`labels`. Expected a tuple of texts. Received: ('a', 1)"),
        ({"description": None}, "`description`. Expected a text. Received: None"),
        ({"input_range": (1, 1)}, f"`input_range`. Expected {RANGE}. Received: (1, 1)"),
        ({"input_range": (2, 1)}, f"`input_range`. Expected {RANGE}. Received: (2, 1)"),
        ({"input_range": (1,)}, f"`input_range`. Expected {RANGE}. Received: (1,)"),
        ({"input_range": (0, 1, 2)}, f"`input_range`. Expected {RANGE}. Received: (0, 1, 2)"),
        ({"input_range": (0, "1")}, f"`input_range`. Expected {RANGE}. Received: (0, '1')"),
        ({"input_range": "01"}, f"`input_range`. Expected {RANGE}. Received: '01'"),
        ({"input_range": 3}, f"`input_range`. Expected {RANGE}. Received: 3"),
        ({"example": "text"}, "`example`. Expected an array of numbers, or nested arrays or None"),
        ({"activation": "relu"}, "`activation`. Expected one of sigmoid, softmax. Received: relu"),
        ({"batch_size": 65_537}, "`batch_size`. Expected a positive integer, at most 65536"),
        ({"batch_size": 1.5}, "`batch_size`. Expected a positive integer or None. Received: 1.5"),
    ],
)
def test_invalid_facts_raise_before_a_process_starts(
    suffix, options, message, no_worker, model, tmp_path
):
    with pytest.raises(InvalidInput) as raised:
        EXPORTS[suffix](model, tmp_path / f"m{suffix}", **options)
    assert message in str(raised.value)


@pytest.mark.parametrize("suffix", EXPORTS)
def test_model_and_path_are_checked(suffix, no_worker, model, tmp_path):
    with pytest.raises(InvalidInput, match=r"`path`. Expected a path. Received: 3"):
        EXPORTS[suffix](model, 3)
    with pytest.raises(InvalidInput, match=r"`model`. Expected a Keras model. Received: 'net'"):
        EXPORTS[suffix]("net", tmp_path / f"m{suffix}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"signature": 3}, "`signature`. Expected a text. Received: 3"),
        ({"sparse": 1}, "`sparse`. Expected True or False. Received: 1"),
        ({"short_scales": "no"}, "`short_scales`. Expected True or False. Received: 'no'"),
        ({"sparse": True, "quantize": "int4"}, "`sparse`. Expected False with int4. Received: Tr"),
        ({"calibration": (1,)}, "`calibration`. Expected none but for int8 and int16x8. Received"),
        ({"quantize": "int8"}, "`calibration`. Expected inputs for int8. Received: None"),
    ],
)
def test_invalid_options_of_litert_raise(options, message, no_worker, model, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", **options)


def test_largest_batch_size_and_lists_are_accepted(converter, model, tmp_path):
    facts = {"labels": ["a", "b", "c"], "input_range": [np.float32(0), np.int64(2)]}
    file = export.to_litert(model, tmp_path / "m.tflite", batch_size=65_536, **facts)
    assert converter.job["batch_size"] == 65_536
    assert file.metadata.labels == ("a", "b", "c") and file.metadata.input_range == (0, 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_no_more_batches_are_read_than_needed(weighted):
    read = []

    def batches():
        for number in range(10):
            read.append(number)
            x = {"a": np.full((50, 2), number), "b": np.full((50, 3), -number)}
            yield (x, np.zeros(50), np.ones(50)) if weighted else (x, np.zeros(50))

    specs = [tf.TensorSpec((1, size), "float32", name) for name, size in (("a", 2), ("b", 3))]
    for elements in (batches, batches()):
        first, second = convert._joined(elements, specs)
        assert read == [0, 1, 2, 3]  # 200 examples
        assert first[:, 1].tolist() == np.repeat(range(4), 50).tolist()
        assert second.shape == (200, 3) and second[-1, 0] == -3
        read.clear()


def test_calibration_of_several_inputs_is_stored_by_name(converter, tmp_path):
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b", dtype="int32")
    model = keras.Model([a, b], layers.Concatenate()([a, keras.ops.cast(b, "float32")]))
    data = (np.ones((4, 2)), np.arange(12.0).reshape(4, 3))
    export.to_litert(model, tmp_path / "m.tflite", quantize="int8", calibration=data)
    kinds = {name: array.dtype.name for name, array in converter.calibration.items()}
    assert kinds == {"a": "float32", "b": "int32"}
    np.testing.assert_array_equal(converter.calibration["b"], data[1])
    with pytest.raises(InvalidInput) as raised:
        export.to_litert(model, tmp_path / "n.tflite", quantize="int8", calibration=data[::-1])
    assert str(raised.value) == (
        "Invalid value for argument `calibration`. Expected 1 or more examples of shape (2,), "
        "(3,). Received: shape (4, 3), (4, 2)"
    )


class ToONNX(Converter):
    def run(self, **job):
        self.job = job
        loaded = tf.saved_model.load(job["saved_model"])
        self.served, self.parts = loaded.signatures["serving_default"], loaded.parts
        with open(job["output"], "wb") as file:
            file.write(b"an ONNX file")
        return self.answer


@pytest.fixture
def onnx_converter(monkeypatch):
    made = ToONNX()
    monkeypatch.setattr(convert, "WORKER", made)
    return made


@pytest.mark.parametrize(
    ("large", "weights"), [(12, {"weight_0": 0}), (13, {}), (3, {"weight_0": 0})]
)
def test_converter_to_onnx_gets_names_metadata_and_large_matrices(
    large, weights, onnx_converter, model, tmp_path, monkeypatch
):
    """The kernel has 4 * 3 elements; a vector, such as the bias, is never large."""
    monkeypatch.setattr(convert, "LARGE", large)
    facts = {"labels": ("a", "b", "c"), "description": "Three", "input_range": (0.0, 2.0)}
    file = export.to_onnx(model, tmp_path / "m.onnx", activation="sigmoid", **facts)
    assert file.path.read_bytes() == b"an ONNX file"
    job = onnx_converter.job
    assert (job["format"], job["inputs"], job["weights"]) == ("onnx", ["x"], weights)
    expected = metadata.Metadata("Three", ("a", "b", "c"), (0.0, 2.0), "sigmoid")
    assert metadata.from_texts(job["metadata"]) == expected
    specs = onnx_converter.served.structured_input_signature[1]
    assert specs["x"].shape.as_list() == [None, 4] and len(specs) == 1 + len(weights)
    for name, index in weights.items():
        np.testing.assert_array_equal(onnx_converter.parts[index], model.variables[0])
        assert specs[name].shape.as_list() == [4, 3]
    x = np.ones((2, 4), "float32")
    arguments = {"x": x} | {name: model.variables[i].value for name, i in weights.items()}
    (found,) = onnx_converter.served(**arguments).values()
    np.testing.assert_allclose(found, keras.ops.sigmoid(model(x)), rtol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_matrices_from_a_million_elements_on_are_large():
    assert convert.LARGE == 1_000_000 and convert.CALIBRATION_EXAMPLES == 200


def test_failure_of_onnx_names_the_target(onnx_converter, model, tmp_path):
    onnx_converter.answer = {"operators": [["Erf", "net/logits/Erf"]]}
    with pytest.raises(InvalidInput) as raised:
        export.to_onnx(model, tmp_path / "m.onnx", batch_size=2)
    assert str(raised.value) == (
        "Invalid model `net` for ONNX. Expected operators that are built into ONNX. "
        "Received: Erf in layer `logits`"
    )
    specs = onnx_converter.served.structured_input_signature[1]
    assert specs["x"].shape.as_list() == [2, 4]


def test_saved_model_has_the_activation_and_sizes_of_the_example(tmp_path):
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, layers.Dense(3)(inputs))
    example = np.ones((2, 5, 4), "float32")
    made = export.to_saved_model(model, tmp_path / "m", activation="softmax", example=example)
    served = tf.saved_model.load(str(made)).signatures["serving_default"]
    (spec,) = served.structured_input_signature[1].values()
    assert spec.shape.as_list() == [None, 5, 4]
    (found,) = served(tf.constant(example)).values()
    np.testing.assert_allclose(found, keras.ops.softmax(model(example)), rtol=1e-5)
    with pytest.raises(InvalidInput, match=r"`activation`. Expected one of sigmoid, softmax"):
        export.to_saved_model(model, tmp_path / "n", activation="relu", example=example)
    with pytest.raises(InvalidInput, match=r"`signature`. Expected a text"):
        export.to_saved_model(model, tmp_path / "n", signature=None, example=example)
    with pytest.raises(InvalidInput, match=r"`batch_size`. Expected a positive integer or None"):
        export.to_saved_model(model, tmp_path / "n", batch_size=0, example=example)
    with pytest.raises(InvalidInput, match=r"`example`. Expected an array of numbers"):
        export.to_saved_model(model, tmp_path / "n", example="text")


def test_file_that_cannot_be_written_is_one_line_with_the_reason(
    converter, model, tmp_path, monkeypatch
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert.shutil, "copyfile", fail)
    with pytest.raises(InvalidInput) as raised:
        export.to_litert(model, tmp_path / "m.tflite")
    assert str(raised.value) == (
        "Invalid place to write. Expected a writable folder with room. "
        "Received: [Errno 28] No space left on device"
    )
    assert not list(tmp_path.iterdir())


def test_labels_must_be_as_many_as_the_columns_of_an_output(converter, model, tmp_path):
    message = r"`labels`. Expected as many as an output has columns: 3. Received: 4 labels$"
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite", labels=("a", "b", "c", "d"))
    export.to_litert(model, tmp_path / "m.tflite", labels=("a", "b", "c"))
    inputs = keras.Input((4,))
    binary = keras.Model(inputs, layers.Dense(1)(inputs))
    export.to_litert(binary, tmp_path / "n.tflite", labels=("no", "yes"))


def test_a_temporary_folder_without_room_is_one_line(converter, model, tmp_path, monkeypatch):
    converter.answer = {"disk": "[Errno 28] No space left on device"}
    message = r"Invalid temporary folder. Expected .* \(TMPDIR .*No space left on device$"
    with pytest.raises(InvalidInput, match=message):
        export.to_litert(model, tmp_path / "m.tflite")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(InvalidInput, match=r"Invalid temporary folder.*nowhere"):
        export.to_litert(model, tmp_path / "m.tflite")


def test_the_vocabulary_is_stored_in_the_file(converter, model, tmp_path):
    words = ("a", "\n", "\\n", "\r\n", " ", "\u2028", "ü")
    file = export.to_litert(model, tmp_path / "m.tflite", vocabulary=words)
    assert file.metadata.vocabulary == words
    assert converter.job["facts"]["vocabulary"] == list(words)
    with pytest.raises(InvalidInput, match=r"`vocabulary`. Expected a tuple of texts"):
        export.to_litert(model, tmp_path / "m.tflite", vocabulary="abc")
