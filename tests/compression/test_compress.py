"""`compress` writes a small file for any Keras model, with every method."""

import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import compression, export
from kerasdl.compression import methods, pruning, reporting
from kerasdl.compression.bridge import training
from kerasdl.errors import InvalidInput
from tests.compression import networks

compress = methods.compress
pytestmark = pytest.mark.xdist_group("compress")  # tests share networks and files


def kernels(model):
    return [v.numpy() for v in pruning.kernels(model)]


def integers(file):
    """Return the int8 weights of a file that have at least two dimensions."""
    interpreter = export.LiteRTModel(file.path).interpreter  # a new one has no activations
    found = []
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] is np.int8 and len(detail["shape"]) > 1:
            try:
                found.append(interpreter.get_tensor(detail["index"]))
            except ValueError:  # raised for activations
                continue
    return found


FLOAT = {
    "decoder": ["group_normalization", "p_re_lu"],
    "lstm": ["lstm", "lstm"],
    "masked": ["embedding", "gru"],
    "recurrent": ["gru"],
    "transformer": ["layer_normalization", "multi_head_attention", "rms_normalization"],
}


def test_a_resized_image_is_quantized_once(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Resizing(12, 12)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    images, targets = rng.random((32, 8, 8, 1), dtype="float32"), rng.random((32, 3))
    train = tf.data.Dataset.from_tensor_slices((images, targets)).batch(16)
    file = compress(model, train, method="qat", epochs=1, path=tmp_path / "model.tflite").litert
    assert file.operators["QUANTIZE"] == 1  # the input's; none around the resizing


@pytest.fixture
def hosted(monkeypatch):
    """A list of the networks that `training.host` returned."""
    found, host = [], training.host

    def watched(*arguments):
        found.append(host(*arguments))
        return found[-1]

    monkeypatch.setattr(training, "host", watched)
    return found


def some_slow(names, slow):
    return [pytest.param(n, marks=[pytest.mark.slow] if n in slow else []) for n in names]


QUICK = ("residual", "subclassed", "transformer")  # test_bridge.py quantizes the layers of all


@pytest.mark.parametrize("name", some_slow(networks.NETWORKS, networks.NETWORKS.keys() - QUICK))
def test_every_network_becomes_int8(name, hosted, tmp_path):
    model, train, (x, y) = networks.trained(name)
    path = tmp_path / "model.tflite"
    result = compress(model, train, method="qat", epochs=1, engine="tfmot", path=path)
    assert result.model is model
    left = sorted(layer.rstrip("0123456789_") for layer in result.untouched)
    assert left == FLOAT.get(name, [])
    shapes = {shape for shape, _ in result.litert.inputs.values()}
    assert all(shape[0] == 1 for shape in shapes)
    assert {dtype for _, dtype in result.litert.outputs.values()} == {np.dtype("float32")}
    details = result.litert.interpreter.get_tensor_details()
    floats = [detail for detail in details if detail["dtype"] is np.float32]
    assert any(detail["dtype"] is np.int8 for detail in details)
    assert (
        name not in ("squeeze", "dense_net", "sequential") or len(floats) == 2
    )  # input and output
    accuracy = (model.predict_on_batch(x).argmax(-1) == y).mean()
    assert accuracy > 0.5
    assert (result.litert.predict(x).argmax(-1) == y).mean() > accuracy - 0.03
    if name in ("mobile", "dense_net", "lstm", "transformer"):
        check_equal_outputs(hosted[0], x, tmp_path / "exact.tflite")


def check_equal_outputs(network, x, path):
    parity = export.verify(network, export.to_litert(network, path, quantize="aware"), x)
    assert parity.agreement > 0.98
    assert parity.mean_error < 0.01 * np.ptp(network.predict_on_batch(x))


@pytest.mark.parametrize(
    "name", some_slow(("residual", "transformer", "lstm"), ("transformer", "lstm"))
)
def test_pqat_keeps_every_zero(name, tmp_path):
    model, train, _ = networks.trained(name)
    path = tmp_path / "model.tflite"
    result = compress(model, train, method="pqat", epochs=2, engine="tfmot", path=path)
    for kernel in kernels(model):
        assert (kernel == 0).sum() == np.round(0.8 * kernel.size)
    large = [weights for weights in integers(result.litert) if weights.size > 100]
    assert large and all((weights == 0).mean() > 0.79 for weights in large)


def test_a_transformer_is_quantized_completely(tmp_path):
    model, train, (x, _) = networks.trained("transformer")
    result = compress(model, train, method="qat", epochs=1, path=tmp_path / "model.tflite")
    assert result.untouched == ()
    assert any(weights.size > 100 for weights in integers(result.litert))
    agreement = result.litert.predict(x).argmax(-1) == model.predict_on_batch(x).argmax(-1)
    assert agreement.mean() > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["keras", "tfmot"])
def test_recurrent_layers_stay_float_in_training_and_have_int8_weights(engine, tmp_path):
    model, train, (x, _) = networks.trained("recurrent")
    path = tmp_path / "model.tflite"
    result = compress(model, train, method="qat", engine=engine, epochs=1, path=path)
    assert result.untouched == ("gru",)
    whole = export.to_litert(model, tmp_path / "whole.tflite")
    assert result.litert.size < 0.5 * whole.size
    answers = result.litert.predict(x).argmax(-1)
    assert np.mean(answers == model.predict_on_batch(x).argmax(-1)) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "name"), [("cluster", "residual"), ("cqat", "residual"), ("cqat", "lstm")]
)
def test_the_number_of_clusters_is_kept(method, name, tmp_path):
    model, train, _ = networks.trained(name)
    path = tmp_path / "model.tflite"
    result = compress(model, train, method=method, clusters=6, epochs=2, path=path)
    assert len(result.untouched) == (2 if (method, name) == ("cqat", "lstm") else 0)
    for kernel in kernels(model):
        assert 2 <= len(np.unique(kernel)) <= 6
    assert (result.litert.metadata.quantize is None) == (method == "cluster")


@pytest.mark.slow
def test_pcqat_keeps_zeros_and_clusters(tmp_path):
    model, train, _ = networks.trained("residual")
    path = tmp_path / "model.tflite"
    result = compress(model, train, method="pcqat", sparsity=0.7, clusters=8, epochs=3, path=path)
    for kernel in kernels(model):
        assert (kernel == 0).sum() >= np.round(0.7 * kernel.size)
        assert len(np.unique(kernel)) <= 8
    assert set(result.report.epochs.values()) == {1}
    assert max(result.report.unique.values()) <= 8
    assert min(result.report.sparsity.values()) >= 0.69


@pytest.fixture(scope="module")
def files():
    """Outputs of a network and its compressed result, by method; "qat" gets no labeled data."""
    found = {}
    for method in ("qat", "pqat", "pcqat"):
        model, train, data = networks.trained("sequential")
        expected = model.predict_on_batch(data[0])
        options = {"labels": ("blank", "above", "left"), "activation": "softmax"}
        evaluated = {} if method == "qat" else {"validation_data": data}
        result = compress(
            model, train, method=method, epochs=3, clusters=8, file_options=options, **evaluated
        )
        found[method] = expected, result
    yield found
    for _, result in found.values():
        shutil.rmtree(result.litert.path.parent)


def test_pcqat_is_the_smallest(files):
    sizes = {method: result.litert.zipped_size for method, (_, result) in files.items()}
    assert sizes["pcqat"] < sizes["pqat"] < sizes["qat"]


def test_files_are_named_after_the_model_and_the_method(files):
    for method, (_, result) in files.items():
        assert result.litert.path.name == f"{result.model.name}-{method}.tflite"


def test_the_file_has_its_metadata(files):
    _, result = files["qat"]
    x, _ = networks.images()
    assert result.litert.labels == ("blank", "above", "left")
    np.testing.assert_allclose(result.litert.predict(x[:4]).sum(-1), 1, atol=0.02)


def test_the_report_describes_the_file(files):
    expected, result = files["pqat"]
    file, report = result.litert, result.report
    x, y = networks.images()
    answers = file.predict(x)
    assert report.method == "pqat" and report.epochs == {"prune": 2, "quantize": 1}
    assert (report.size, report.zipped_size) == (file.size, file.zipped_size)
    assert report.parameters == result.model.count_params()
    assert report.accuracy == np.mean(answers.argmax(-1) == y)
    assert report.agreement == np.mean(answers.argmax(-1) == expected.argmax(-1))
    error = np.abs(answers - keras.ops.softmax(expected)).max()
    assert report.largest_error == pytest.approx(error, rel=1e-4)
    assert report.sparsity == pruning.sparsity(result.model)
    assert 0 < report.median_ms < 1000


def test_without_validation_data_the_report_has_no_accuracy(files):
    expected, result = files["qat"]
    answers = result.litert.predict(networks.images()[0]).argmax(-1)
    assert result.report.accuracy is None
    assert result.report.agreement == np.mean(answers == expected.argmax(-1))
    assert result.report.largest_error < 1  # outputs are probabilities


def test_a_failure_restores_the_weights(tmp_path):
    class Fail(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("out of luck")

    model, train, _ = networks.trained("residual")
    before = model.get_weights()
    with pytest.raises(RuntimeError, match="out of luck"):
        compress(model, train, method="pqat", path=tmp_path / "m.tflite", callbacks=[Fail()])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "pcaqt"}, "Invalid value for argument `method`. Expected one of cluster"),
        ({"epochs": 0}, "Invalid value for argument `epochs`. Expected a positive integer"),
        ({"sparsity": 1.0}, "value for argument `sparsity`. Expected a number above 0 and below 1"),
        ({"clusters": 1}, "value for argument `clusters`. Expected an integer from 3 to 256"),
        ({"path": "model.tfl"}, "Invalid value for argument `path`. Expected a name that ends"),
        ({"callbacks": [print]}, "Invalid callback. Expected a `keras.callbacks.Callback`"),
        (
            {"callbacks": [keras.callbacks.ModelCheckpoint("x.keras")]},
            "Invalid callback `ModelCheckpoint`. Expected `save_weights_only=True`",
        ),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(options, message):
    model, train, _ = networks.trained("sequential")
    with pytest.raises(InvalidInput, match=message) as caught:
        compress(model, train, **{"method": "qat", **options})
    assert "\n" not in str(caught.value)


def test_wrong_models_and_data_are_refused_in_one_line():
    model, train, _ = networks.trained("sequential")
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    unbuilt.compile("adam", "mse")
    with pytest.raises(InvalidInput, match=r"Invalid model `sequential.*Expected a built model"):
        compress(unbuilt, train, method="qat")
    with pytest.raises(InvalidInput, match=r"Expected a model compiled with a loss.* no loss"):
        compress(networks.sequential(), train, method="qat")
    with pytest.raises(
        InvalidInput, match=r"Invalid value for argument `train`\. Expected at least one batch"
    ):
        compress(model, train.take(0), method="qat")
    with pytest.raises(
        InvalidInput, match=r"Invalid value for argument `train`\. Expected a datas"
    ):
        compress(model, train.repeat(), method="qat")


FRESH = """
import importlib, os, sys
from kerasdl import compression
from kerasdl.compression import fake_quant
assert not {"tensorflow_model_optimization", "tf_keras"} & set(sys.modules)

import kerasdl.compression.bridge.tfmot as bridge
import tensorflow as tf
assert bridge.VARIABLE not in os.environ
assert tf.keras.__version__.startswith("3."), tf.keras.__version__
assert bridge.tf_keras.__version__.startswith("2.")

for name in [name for name in sys.modules if name.startswith("tensorflow_model_optimization")]:
    del sys.modules[name]  # which sets the variable whenever it is imported
os.environ[bridge.VARIABLE] = "0"
importlib.reload(bridge)
assert os.environ[bridge.VARIABLE] == "0"
"""


@pytest.mark.slow
def test_the_bridge_does_not_change_the_process():
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    environment["PYTHONPATH"] = str(pathlib.Path(compression.__file__).parents[2])
    subprocess.run([sys.executable, "-c", FRESH], check=True, env=environment)


def test_pruning_and_the_engine_in_keras_import_no_tfmot(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kerasdl.compression.bridge", None)  # it cannot be imported
    model, train, _ = networks.trained("sequential")
    options = {"method": "pqat", "epochs": 1, "path": tmp_path / "model.tflite"}
    assert compress(model, train, engine="keras", **options).untouched == ()
    with pytest.raises(ImportError, match="bridge"):
        compress(model, train, engine="tfmot", **options)


def test_several_outputs_and_labels_of_every_kind_are_evaluated(tmp_path):
    inputs = keras.Input((6,))
    outputs = {"kind": keras.layers.Dense(3)(inputs), "age": keras.layers.Dense(1)(inputs)}
    model = keras.Model(inputs, outputs)
    x = np.random.default_rng(0).random((32, 6), dtype="float32")
    file = export.to_litert(model, tmp_path / "both.tflite")
    targets = {"kind": np.zeros(32, "int32"), "age": np.zeros((32, 1), "float32")}
    both = reporting.Evaluator(model, (x, targets)).report(file, model, method="float")
    assert (both.accuracy, both.agreement) == (None, 1.0) and both.largest_error < 1e-5
    model = keras.Model(inputs, outputs["kind"])
    file = export.to_litert(model, tmp_path / "one.tflite")
    right = file.predict(x).argmax(-1)
    for labels in (right, right[:, None], np.eye(3)[right].argmax(-1).astype("uint8")):
        evaluator = reporting.Evaluator(model, (x, labels))
        assert evaluator.report(file, model, method="float").accuracy == 1
    assert reporting.Evaluator(model, (x, np.eye(3)[right])).accuracy(file) == 1
    assert reporting.Evaluator(model, (x, x)).accuracy(file) is None
    with pytest.raises(InvalidInput, match="at least one batch"):
        reporting.Evaluator(model, [])


def test_inputs_of_equal_shapes_are_evaluated_in_the_order_of_the_model(tmp_path):
    query, document = keras.Input((4,), name="query"), keras.Input((4,), name="document")
    dense = keras.layers.Dense(3)
    model = keras.Model([query, document], dense(query) - 2 * dense(document))
    x = tuple(np.random.default_rng(0).normal(size=(2, 32, 4)).astype("float32"))
    labels = model(x).numpy().argmax(-1)
    file = export.to_litert(model, tmp_path / "m.tflite")
    found = reporting.Evaluator(model, (x, labels)).report(file, model, method="float")
    assert (found.accuracy, found.agreement) == (1, 1) and found.largest_error < 1e-5


def compiled_on(model, *parts, classes=3):
    """Compile a model; return it with random data for it."""
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    labels = np.arange(len(parts[0])) % classes
    x = parts if len(parts) > 1 else parts[0]
    return model, tf.data.Dataset.from_tensor_slices((x, labels)).batch(16)


def test_a_layer_that_is_called_twice_is_quantized_by_default(tmp_path):
    first, second = keras.Input((20,)), keras.Input((20,))
    dense = keras.layers.Dense(128, activation="relu", name="shared")
    both = keras.layers.Concatenate()([dense(first), dense(second)])
    parts = np.random.default_rng(0).normal(size=(2, 32, 20)).astype("float32")
    model, train = compiled_on(keras.Model([first, second], keras.layers.Dense(3)(both)), *parts)
    result = compress(model, train, method="qat", epochs=1, path=tmp_path / "m.tflite")
    assert result.untouched == ()
    assert export.verify(model, result.litert, tuple(parts)).agreement > 0.8


def test_stacked_recurrent_layers_are_quantized_or_refused_before_the_training(tmp_path):
    inputs = keras.Input((6, 4))
    x = keras.layers.GRU(8, return_sequences=True, name="below")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GRU(8, name="above")(x)))
    signal = np.random.default_rng(0).normal(size=(32, 6, 4)).astype("float32")
    model, train = compiled_on(model, signal)
    watch = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: pytest.fail("trained"))
    for method in ("cqat", "pcqat"):
        message = rf"for {method}. Expected no recurrent layer that reads .* Received: below$"
        with pytest.raises(InvalidInput, match=message):
            compress(model, train, method=method, path=tmp_path / "m.tflite", callbacks=[watch])
    result = compress(model, train, method="qat", epochs=1, path=tmp_path / "m.tflite")
    assert sorted(result.untouched) == ["above", "below"]
    assert export.verify(model, result.litert, signal).agreement > 0.8
