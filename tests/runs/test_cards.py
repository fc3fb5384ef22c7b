"""Cards beside the files of `export` and `compress`, and files with int8 inputs."""

import keras
import pytest
from keras import layers

from kerasdl import data, export
from kerasdl.errors import InvalidInput
from kerasdl.runs import export as runs_export
from kerasdl.runs.keras_file import KerasFile


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "net.keras"
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, layers.Dense(10)(layers.Flatten()(inputs))).save(path)
    return path


def test_the_card_of_a_table_has_its_columns(tmp_path):
    info = data.load("diabetes").info
    model = keras.Sequential([keras.Input(info.shape), layers.Dense(1)])
    file = export.to_litert(model, tmp_path / "model.tflite")
    runs_export.write_card(file, {"ms": 0.5, "agree": None}, info)
    text = (tmp_path / "model.md").read_text(encoding="utf-8")
    assert info.columns and all(
        f"| {column.name} | {column.mean[0]:.9g} | {column.deviation[0]:.9g} |" in text
        for column in info.columns
    )
    assert f"the prediction is output * {info.target_scale[1]:.9g} + " in text
    assert "- weights: float32 in 1 of 1 tensor\n- latency: 0.5 ms, one thread of " in text


def test_int8_files_with_int8_inputs_are_named_apart(digits, tmp_path):
    file = KerasFile(digits, "digits", out=tmp_path)
    rows = file.export(["none", "int8"], input_type="int8")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["net-float.md", "net-float.tflite", "net-int8-io.md", "net-int8-io.tflite"]
    assert export.LiteRTModel(rows[1]["file"]).input_scales
    assert "accuracy" in rows[1] and rows[1]["agree"] > 0.9
    text = (tmp_path / "net-int8-io.md").read_text(encoding="utf-8")
    assert "The file takes round(x / " in text and "- same class as the Keras model: " in text
    with pytest.raises(InvalidInput, match=r"input type int8. Expected a LiteRT file quantized"):
        file.export(["dynamic"], input_type="int8")
    with pytest.raises(InvalidInput, match=r"one of float32, int8"):
        file.export(input_type="uint8")


def test_compressed_files_have_cards(digits, tmp_path):
    file = KerasFile(digits, "digits", out=tmp_path)
    options = {"methods": ["int8"], "max_drop": 1.0, "progress": lambda line: None}
    file.compress(input_type="int8", **options)
    assert (tmp_path / "float.md").is_file()
    text = (tmp_path / "int8.md").read_text(encoding="utf-8")
    assert "- weights: int8 in 1 of 1 tensor\n- accuracy: " in text
