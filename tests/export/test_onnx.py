"""ONNX files have the outputs of their Keras models; failures are one line."""

import json
import os
import subprocess
import sys
import types

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers

import kerasdl
from kerasdl import export
from kerasdl.errors import InvalidInput
from kerasdl.export import onnx_model
from tests.export import networks


def depthwise():
    inputs = x = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, 2, padding="same")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.Activation("hard_swish")(layers.BatchNormalization()(x))
    x = layers.Conv2D(8, 3, groups=4, padding="same")(x)
    x = layers.UpSampling2D()(layers.Conv2DTranspose(4, 3, 2, "same", activation="gelu")(x))
    return keras.Model(inputs, layers.GlobalMaxPooling2D()(x))


def recurrent():
    inputs = keras.Input((12,), dtype="int32")
    x = layers.Embedding(20, 16)(inputs)
    x = layers.Bidirectional(layers.GRU(8, return_sequences=True))(x)
    return keras.Model(inputs, layers.Dense(20)(layers.LSTM(8)(x)))


IMAGES, TOKENS = networks.images(), networks.tokens()
DIGITS = {"input_shape": (8, 8, 1)}


@pytest.mark.parametrize(
    ("make", "x"),
    [(networks.pair, networks.vectors(2)), (networks.twelve, networks.vectors(12, size=2))],
)
def test_several_inputs_and_outputs_have_the_order_of_the_model(make, x, tmp_path):
    model = make()
    file = export.to_onnx(model, tmp_path / "m.onnx")
    assert export.verify(model, file, x).largest_error < 1e-5
    for found, right in zip(file.predict(x).values(), model(x), strict=True):
        np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.rows("CMP-10")
@pytest.mark.parametrize(
    ("make", "x"),
    [
        (networks.cnn, IMAGES),
        (depthwise, IMAGES),
        (recurrent, TOKENS),
        (networks.attention, TOKENS),
        (lambda: kerasdl.create_model("se_resnet_tiny", **DIGITS), IMAGES),
        (lambda: kerasdl.create_model("gpt_tiny", vocabulary_size=20), TOKENS),
        (lambda: kerasdl.create_model("vae_tiny", **DIGITS).encoder, IMAGES),
        (lambda: kerasdl.create_model("vae_tiny", **DIGITS).decoder, None),
    ],
    ids=["cnn", "depthwise", "recurrent", "attention", "se_resnet", "gpt", "encoder", "decoder"],
)
def test_a_file_equals_the_model_for_any_batch_size(make, x, tmp_path):
    model = make()
    if x is None:
        x = np.random.default_rng(0).normal(size=(5, *model.input_shape[1:])).astype("float32")
    model(x, training=True)  # changes the moving statistics
    file = export.to_onnx(model, tmp_path / "model.onnx", example=x)
    for count in (1, len(x)):
        assert export.verify(model, file, x[:count]).largest_error < 1e-5
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_an_lstm_becomes_one_onnx_operator(tmp_path):
    file = export.to_onnx(networks.lstm(), tmp_path / "model.onnx")
    model = onnx.load(file.path)
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("LSTM") == 1 and "Loop" not in operators
    assert model.opset_import[0].version == 18
    assert file.inputs == {"input": ((-1, 12), np.int32)}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_several_inputs_and_outputs_keep_their_names(tmp_path):
    model = networks.two_heads()
    x = {"image": IMAGES, "size": IMAGES[:, 0, :2, 0]}
    file = export.to_onnx(model, tmp_path / "model.onnx", batch_size=3)
    assert file.inputs == {"image": ((3, 8, 8, 1), np.float32), "size": ((3, 2), np.float32)}
    assert {name: shape for name, (shape, _) in file.outputs.items()} == {
        "kind": (3, 5),
        "age": (3, 1),
    }
    assert export.verify(model, file, x).largest_error < 1e-5
    assert list(file.inputs) == ["image", "size"]  # in the model's order
    outputs = file.predict((x["image"], x["size"]))
    np.testing.assert_allclose(outputs["kind"], model(x)["kind"], atol=1e-5)


def test_large_matrices_are_stored_once_inside_the_file(tmp_path):
    inputs = keras.Input((12,), dtype="int32")
    embedding = layers.ReversibleEmbedding(20_000, 64)
    model = keras.Model(inputs, embedding(layers.ReLU()(embedding(inputs)), reverse=True))
    file = export.to_onnx(model, tmp_path / "model.onnx")
    assert 1 <= file.size / (4 * 20_000 * 64) < 1.01  # stored once, though used twice
    assert list(file.inputs) == ["input"]
    assert export.verify(model, file, TOKENS).largest_error < 1e-5


def test_a_subclassed_model_is_exported_after_a_call(tmp_path):
    model = networks.Subclassed()
    with pytest.raises(InvalidInput, match="built or was called once") as caught:
        export.to_onnx(model, tmp_path / "model.onnx")
    assert "\n" not in str(caught.value)
    file = export.to_onnx(model, tmp_path / "model.onnx", example=IMAGES)
    assert export.verify(model, file, IMAGES).largest_error < 1e-5


def test_activation_and_metadata_are_stored_in_the_file(trained, tmp_path):
    model, x, _ = trained
    options = {"labels": ("a", "b", "ü", "d"), "description": "Quarters", "input_range": (0, 1.5)}
    export.to_onnx(model, tmp_path / "m.onnx", activation="softmax", **options)
    file = export.open_file(tmp_path / "m.onnx")
    assert file.labels == options["labels"] and file.description == "Quarters"
    assert file.metadata.input_range == (0, 1.5) and file.metadata.activation == "softmax"
    np.testing.assert_allclose(file.predict(x[:5]).sum(-1), 1, rtol=1e-5)
    assert export.verify(model, file, x).largest_error < 1e-5


def test_converting_and_measuring_print_nothing(tmp_path, capfd):
    model = networks.cnn()
    capfd.readouterr()
    file = export.to_onnx(model, tmp_path / "m.onnx")
    latency = export.benchmark(file, seconds=0.01)
    assert 0 < latency.median <= latency.p95 and latency.runs >= 20
    assert capfd.readouterr() == ("", "")


def test_running_a_file_imports_no_tensorflow(tmp_path):
    export.to_onnx(networks.cnn(), tmp_path / "m.onnx")
    program = f"""
import sys
import types
from kerasdl import export
image = [[[[0.5]] * 8] * 8]
assert export.ONNXModel({str(tmp_path / "m.onnx")!r}).predict([image]).shape == (1, 10)
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


class NotInONNX(layers.Layer):
    def call(self, inputs):
        return tf.math.igamma(inputs, inputs)


def test_an_operator_that_onnx_lacks_is_named_with_its_layer(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, NotInONNX(name="gamma")(layers.Dense(4)(inputs)))
    with pytest.raises(InvalidInput, match=r"built into ONNX\. Received: Igamma in layer `gamma`$"):
        export.to_onnx(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["tf2onnx", "onnx"])
def test_missing_packages_are_named(module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)  # makes the import fail
    with pytest.raises(InvalidInput, match=rf"pip install 'kerasdl\[onnx\]'.*: no {module}$"):
        export.to_onnx(networks.cnn(), tmp_path / "m.onnx")


def test_a_missing_onnxruntime_is_named(tmp_path, monkeypatch):
    file = export.to_onnx(networks.cnn(), tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InvalidInput, match="no onnxruntime"):
        file.predict(IMAGES)


def test_paths_that_cannot_be_written_are_refused(tmp_path):
    model = networks.sequential()
    with pytest.raises(InvalidInput, match="a folder that exists"):
        export.to_onnx(model, tmp_path / "none" / "m.onnx")
    with pytest.raises(InvalidInput, match=r"ends in \.onnx"):
        export.to_onnx(model, tmp_path / "m.tflite")
    (tmp_path / "m.onnx").mkdir()
    with pytest.raises(InvalidInput, match="a writable folder"):
        export.to_onnx(model, tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    model, path = networks.sequential(), tmp_path / "m.onnx"
    old = export.to_onnx(model, path).path.read_bytes()
    os.symlink("/dev/full", tmp_path / "partial-m.onnx")
    with pytest.raises(InvalidInput, match=r"with room.*No space left") as caught:
        export.to_onnx(model, path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_missing_and_invalid_files_are_refused(tmp_path):
    path = tmp_path / "m.onnx"
    with pytest.raises(InvalidInput, match=r"a \.onnx file that exists"):
        export.open_file(path)
    path.write_text(json.dumps({}))
    with pytest.raises(InvalidInput, match="an ONNX model that runs") as caught:
        export.benchmark(path)
    assert "\n" not in str(caught.value)


def test_session_has_the_threads_and_prints_only_errors(tmp_path):
    path = export.to_onnx(networks.sequential(), tmp_path / "m.onnx").path
    for threads in (1, 3):
        file = export.open_file(path, threads)
        options = file.session.get_session_options()
        assert (options.intra_op_num_threads, options.log_severity_level) == (threads, 3)
        assert file.session.get_providers() == ["CPUExecutionProvider"]
    run = file.runner()
    run()
    (output,) = run.args[0].copy_outputs_to_cpu()
    x = np.random.default_rng(0).random((1, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(output, file.predict(x), rtol=1e-6)


def test_invalid_file_is_named_with_the_reason(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\0")
    with pytest.raises(Exception, match=r"m.onnx") as reason:
        onnxruntime.InferenceSession(path)
    with pytest.raises(InvalidInput) as raised:
        export.open_file(path).session  # noqa: B018
    assert str(raised.value) == (
        f"Invalid file {path}. Expected an ONNX model that runs. "
        f"Received: {str(reason.value).strip().splitlines()[0]}"
    )


def test_all_missing_packages_are_named():
    onnx_model.require("numpy", "onnx")
    with pytest.raises(InvalidInput) as raised:
        onnx_model.require("numpy", "not_there", "nor_there")
    assert str(raised.value) == (
        "Invalid installation. Expected the packages for ONNX (pip install 'kerasdl[onnx]'). "
        "Received: no not_there, no nor_there"
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("tensor(float)", "float32"),
        ("tensor(double)", "float64"),
        ("tensor(float16)", "float16"),
        ("tensor(int64)", "int64"),
        ("tensor(uint8)", "uint8"),
        ("tensor(bool)", "bool"),
    ],
)
def test_types_and_free_sizes_of_onnx_become_those_of_numpy(kind, expected):
    argument = types.SimpleNamespace(name="x", type=kind, shape=["batch", 3, None])
    found = onnx_model._specs([argument])
    assert found == {"x": ((-1, 3, -1), np.dtype(expected))}
