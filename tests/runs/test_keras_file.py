"""Any `.keras` file is exported, compressed and measured with data for it, without a run."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl import export
from kerasdl.cli import shipping
from kerasdl.errors import InvalidInput
from kerasdl.runs import export as runs_export
from kerasdl.runs.keras_file import KerasFile


def network(shape=(8, 8, 1), classes=10, activation=None, scale=None):
    inputs = x = keras.Input(shape)
    if scale:
        x = layers.Rescaling(scale)(x)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, activation=activation)(x))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A classifier of digits, saved without having been compiled."""
    path = tmp_path_factory.mktemp("files") / "net.keras"
    keras.utils.set_random_seed(0)
    network().save(path)
    return path


def test_a_file_is_exported_with_the_labels_and_the_range_of_the_data(digits, tmp_path):
    rows = KerasFile(digits, "digits", out=tmp_path / "out").export()
    assert [row["file"] for row in rows] == [
        str(tmp_path / "out" / f"net-{name}.tflite") for name in ("float", "int8")
    ]
    assert rows[0]["error"] < 1e-5 and rows[1]["error"] < 0.2 and "accuracy" in rows[0]
    file = export.LiteRTModel(rows[0]["file"])
    assert file.labels == tuple("0123456789") and file.metadata.activation == "softmax"
    assert file.metadata.input_range == (0, 1) and "digits" in file.description


def test_without_data_a_file_is_compared_on_random_inputs(digits, tmp_path):
    (row,) = KerasFile(digits, out=tmp_path).export()
    assert row["error"] < 1e-5 and "accuracy" not in row
    with pytest.raises(InvalidInput, match=r"`--data`. Expected data to calibrate int8 with"):
        KerasFile(digits, out=tmp_path).export(["int8"])
    with pytest.raises(InvalidInput, match=r"`--data`. Expected data to train"):
        KerasFile(digits, out=tmp_path).compress()


def test_images_are_resized_and_scaled_as_the_model_takes_them(tmp_path):
    model = network((12, 12, 1), activation="softmax", scale=1 / 255)
    model.save(tmp_path / "bytes.keras")
    file = KerasFile(tmp_path / "bytes.keras", "digits", out=tmp_path)
    pixels, _ = next(file.splits.test.as_numpy_iterator())
    assert pixels.shape[1:] == (12, 12, 1) and 200 < pixels.max() <= 255
    (row,) = file.export(["float16"])
    found = export.LiteRTModel(row["file"]).metadata
    assert found.input_range == (0, 255) and found.activation is None
    other = KerasFile(tmp_path / "bytes.keras", "digits", input_range=(-1, 1))
    pixels, _ = next(other.splits.test.as_numpy_iterator())
    assert pixels.min() == -1


def test_data_that_does_not_fit_is_one_line(digits, tmp_path):
    with pytest.raises(InvalidInput, match=r"a dataset of images.*Received: iris"):
        KerasFile(digits, "iris")
    x = np.zeros((64, 8, 8, 3), "float32")
    with pytest.raises(InvalidInput, match=r"Expected inputs of shape \(8, 8, 1\), as net.keras"):
        KerasFile(digits, (x, np.arange(64) % 10))
    network(classes=7).save(tmp_path / "seven.keras")
    with pytest.raises(InvalidInput, match=r"Expected 7 classes, as seven.keras has.*: 10$"):
        KerasFile(tmp_path / "seven.keras", "digits")
    network((4,), classes=1).save(tmp_path / "value.keras")
    x = np.random.default_rng(0).random((64, 4)).astype("float32")
    values = KerasFile(tmp_path / "value.keras", (x, x.sum(1)))
    with pytest.raises(InvalidInput, match="one output for each class"):
        values.compress()


def test_a_file_is_compressed_with_its_data(digits, tmp_path):
    file = KerasFile(digits, "digits", out=tmp_path / "out")
    options = {"methods": ["dynamic", "prune"], "epochs": 1, "max_drop": 1.0}
    rows = file.compress(progress=lambda line: None, **options)
    assert [row["method"] for row in rows] == ["float", "dynamic", "prune"]
    assert sum(row["best"] for row in rows) == 1
    assert (tmp_path / "out" / "report.json").is_file()
    assert (tmp_path / "out" / "figures" / "compression.png").is_file()
    assert export.LiteRTModel(rows[0]["file"]).labels == tuple("0123456789")


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_a_compiled_file_is_trained_with_its_own_loss(loss, tmp_path):
    model = network(activation="softmax")
    model.compile("adam", loss)
    model.optimizer.build(model.trainable_variables)  # Keras cannot load one without variables
    model.save(tmp_path / "net.keras")
    file = KerasFile(tmp_path / "net.keras", "digits", out=tmp_path)
    options = {"methods": ["prune"], "epochs": 1, "max_drop": 1.0}
    assert len(file.compress(progress=lambda line: None, **options)) == 2


def test_the_commands_take_a_file(digits, tmp_path, capsys):
    out = tmp_path / "out"
    shipping.export(digits, data="digits", quantize=["none"], out=out, json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == str(out / "net-float.tflite")
    shipping.export(digits, data="digits", quantize=["none"], out=out)
    assert f"files: {out}" in capsys.readouterr().out
    shipping.bench([digits], json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == str(digits) and row["ms"] > 0
    with pytest.raises(InvalidInput, match=r"`--data`. Expected none for a run"):
        shipping.export(tmp_path, data="digits")


def test_files_that_are_larger_slower_or_in_float_have_a_note(tmp_path):
    inputs = keras.Input((12, 4))
    recurrent = keras.Model(inputs, layers.Dense(3)(layers.GRU(8)(inputs)))
    recurrent.save(tmp_path / "gru.keras")
    rows = KerasFile(tmp_path / "gru.keras").export(["none", "int4", "dynamic"])
    notes = [row["note"] for row in rows]
    assert notes[0] == "" and "times as large as in float, because its loops are" in notes[1]
    assert notes[2].startswith("gru-dynamic.tflite is in float: dynamic quantizes kernels of at")

    row = {"kB": 1.0, "ms": 3.0}
    whole = {"kB": 4.0, "ms": 1.0}
    file = export.LiteRTModel(rows[1]["file"])
    note = runs_export._note(network(), file, "int4", row, whole)
    assert note == (
        "gru-int4.tflite is smaller, but takes 3.0 times as long as in float, on this processor."
    )
    assert runs_export._note(network(), file, "int4", row, None) == ""
