"""Invalid data in a run: examples are skipped and recorded, or named in the error."""

import json
import pathlib
import sys

import keras
import numpy as np
import PIL.Image
import pytest

from kerasdl import cli, recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs.train import train


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for i in range(60):
        file = tmp_path / "data" / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(random.integers(0, 255, (8, 8, 3), "uint8")).save(file)
    return tmp_path / "data"


def run(capsys, *arguments):
    sys.argv = ["kerasdl", *map(str, arguments)]
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0, capsys.readouterr().err


def test_skipped_examples_are_shown_once_and_recorded_in_the_run(folder, tmp_path, capsys):
    for name in ("a/0.png", "b/1.png", "b/3.png"):
        (folder / name).write_bytes(b"")
    out = tmp_path / "run"
    options = ("--data", folder, "--image-size", 8, "--epochs", 1, "--out", out, "--json")
    status, err = run(capsys, "train", "mlp", *options)
    assert status == 2 and err.count("\n") == 1
    assert f"{folder}/a/0.png" in err and "2 more like it; --skip-bad" in err
    assert not (out / "config.json").exists()

    status, err = run(capsys, "train", "mlp", *options, "--skip-bad")
    assert status == 0
    assert err.splitlines()[0].startswith("skipped 3 of 60: empty file 3 (")
    config = json.loads((out / "config.json").read_text())
    assert config["info"]["skipped"]["reasons"] == {"empty file": 3}
    assert config["recipe"]["data_options"] == {"skip_bad": True}
    accuracy = recipes.open(out).metrics["test"]["accuracy"]
    assert recipes.open(out).evaluate()["accuracy"] == accuracy


def test_file_damaged_during_training_is_named(folder, tmp_path):
    recipe = recipes.get("mlp").replace(
        data=str(folder), image_size=8, epochs=3, data_options={"memory": 0}
    )
    harm = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: [
            pathlib.Path(file).write_bytes(b"\xff\xd8 no more") for file in (folder / "a").iterdir()
        ]
    )
    with pytest.raises(InvalidInput, match=r"image file `.*/a/[0-9]*.png`. Expected a JPEG"):
        train(recipe, tmp_path / "run", progress=False, pictures=False, callbacks=[harm])
