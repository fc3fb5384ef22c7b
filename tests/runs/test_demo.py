"""The demo shows the given file, the files of a run, or those of the newest run."""

import json
import os

import pytest

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import demo


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def make(folder, name, age, files=()):
    """Write the files of a finished run that the demo reads."""
    (folder / "export").mkdir(parents=True)
    info = {"name": "digits", "task": "classification", "classes": ["0", "1"], "counts": {}}
    info |= {"shape": [8, 8, 1], "card": ""}
    config = {"recipe": recipes.get(name).to_json(), "info": info, "fast": False}
    (folder / "config.json").write_text(json.dumps(config))
    metrics = {"test": {"accuracy": 0.9}, "seconds": 1.0, "parameters": 10}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    os.utime(folder / "metrics.json", (1e9 - age, 1e9 - age))
    for file in files:
        (folder / "export" / file).touch()


def test_file_or_files_of_a_run_are_shown(place):
    make(place / "a", "mlp", 1, ["model-int8.tflite", "model-float.tflite"])
    assert demo.litert_files(place / "any.tflite", recipes.open) == [place / "any.tflite"]
    files = demo.litert_files(place / "a", recipes.open)
    assert [file.name for file in files] == ["model-float.tflite", "model-int8.tflite"]


def test_compressed_files_of_other_methods_are_shown_too(place):
    make(place / "a", "mlp", 1, ["model-int8.tflite", "model-float.tflite"])
    (place / "a" / "compressed").mkdir()
    for name in ("float", "int8", "pqat", "int4"):
        (place / "a" / "compressed" / f"{name}.tflite").touch()
    (place / "a" / "compressed" / "report.json").touch()
    files = demo.litert_files(place / "a", recipes.open)
    assert [file.stem for file in files] == ["model-float", "model-int8", "int4", "pqat"]


def test_files_of_a_folder_without_a_run_are_shown(place):
    place.mkdir()
    (place / "int8.tflite").touch()
    (place / "float.tflite").touch()
    assert [file.name for file in demo.litert_files(place, recipes.open)] == [
        "float.tflite",
        "int8.tflite",
    ]


def test_newest_exported_classifier_is_shown_by_default(place):
    with pytest.raises(InvalidInput, match="kerasdl train simple_cnn"):
        demo.litert_files(None, recipes.open)
    make(place / "old", "mlp", 9, ["model-float.tflite"])
    make(place / "new", "mlp", 2, ["model-float.tflite"])
    make(place / "newer-but-not-exported", "mlp", 1)
    make(place / "newest-but-no-classifier", "vae", 0, ["encoder-float.tflite"])
    (file,) = demo.litert_files(None, recipes.open)
    assert file.parts[-3] == "new"


def test_damaged_run_does_not_hide_the_others(place, capsys):
    make(place / "a", "mlp", 9, ["model-float.tflite"])
    make(place / "b", "mlp", 1, ["model-float.tflite"])
    (place / "b" / "config.json").write_text("{")
    (file,) = demo.litert_files(None, recipes.open)
    assert file.parts[-3] == "a"
    (line,) = capsys.readouterr().err.splitlines()
    assert "b is left out: Invalid file" in line


def test_run_of_another_task_is_refused(place):
    make(place / "vae", "vae", 0, ["encoder-float.tflite"])
    with pytest.raises(InvalidInput, match=r"one that classifies images.*a run of vae"):
        demo.litert_files(place / "vae", recipes.open)
    with pytest.raises(InvalidInput, match="Invalid run folder"):
        demo.litert_files(place / "nothing", recipes.open)


@pytest.mark.xdist_group("recipes")  # its run is shared
def test_run_that_was_not_exported_is_exported(copied_run, capsys):
    files = demo.litert_files(copied_run.path, recipes.open)
    assert [file.name for file in files] == ["model-float.tflite", "model-int8.tflite"]
    assert "Writing the LiteRT files" in capsys.readouterr().err
