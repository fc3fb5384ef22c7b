"""`fit` looks at data, chooses a recipe for a time, trains it and judges the result."""

import json
import time

import numpy as np
import pytest
from PIL import Image

from kerasdl import data, recipes
from kerasdl.errors import InvalidInput
from kerasdl.recipes import automatic
from tests.test_cli import run as command

pytestmark = pytest.mark.xdist_group("automatic")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 6)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int64")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """80 photos of two classes: bright at the top, or at the bottom; mirroring keeps the class."""
    folder = tmp_path_factory.mktemp("own") / "photos"
    for label, name in enumerate(("bottom", "top")):
        (folder / name).mkdir(parents=True)
        for i in range(40):
            pixels = RANDOM.integers(0, 120, (40, 40, 3))
            pixels[20 - 20 * label : 40 - 20 * label] += 100
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{i}.png")
    return folder


def looked(source, **options):
    return automatic.look(data.load(source, **options))


def test_facts_name_task_sizes_classes_and_imbalance():
    facts = looked((X, np.where(np.arange(400) < 40, "rare", "frequent")))
    assert facts.lines == (
        "classification of vectors of 6 numbers: 280 to train, 40 to validate, 80 to test",
        "2 classes: frequent 252, rare 28",
        "imbalanced: 9.0 times as many of frequent as of rare",
        "no two examples are equal",
    )
    assert facts.imbalance == 9.0 and facts.leaked == 0
    tags = looked((X, np.stack([Y, 1 - Y, Y], axis=1)))
    assert tags.lines[0].startswith("tags of vectors") and tags.lines[1] == "3 tags: 0, 1, 2"
    numbers = looked((X, X[:, 0]))
    assert numbers.lines[0].startswith("regression of vectors") and len(numbers.lines) == 2


def test_duplicates_across_the_splits_are_named():
    x, y = X.copy(), Y.copy()
    x[100:130], y[100:130] = x[0], y[0]
    y[129] = 1 - y[0]
    tested = np.concatenate([x[:5], x[200:]]), np.concatenate([y[:5], y[200:]])
    facts = looked({"train": (x[:200], y[:200]), "test": tested})
    text = " | ".join(facts.lines)
    assert "examples to train on repeat others" in text
    assert "contradictions: 1 equal examples have different targets" in text
    assert facts.leaked >= 5 and "of 205 examples of the test split are also trained on" in text


def test_photos_in_two_splits_are_named_by_their_files(photos, tmp_path):
    other = tmp_path / "checked"
    for name in ("bottom", "top"):
        (other / name).mkdir(parents=True)
        for i in range(40, 44):  # new photos, and the first of them is an old one
            pixels = RANDOM.integers(0, 255, (40, 40, 3)).astype("uint8")
            Image.fromarray(pixels).save(other / name / f"{i}.png")
    (other / "bottom" / "40.png").write_bytes((photos / "bottom" / "3.png").read_bytes())
    facts = looked(str(photos), validation=str(other), test=0.1)
    assert facts.leaked <= 1  # the photo may have been drawn for the test split
    every = looked(str(photos), validation=str(photos), test=0.1)
    assert every.leaked == 72
    assert "72 of 80 examples of the validation split are also trained on" in every.lines[-1]
    assert str(photos / "bottom") in every.lines[-1]


def test_clean_data_and_tables_of_few_different_rows_are_not_accused(photos, tmp_path):
    assert looked(str(photos)).lines[-1] == "no two examples are equal"
    file = tmp_path / "choices.csv"
    rows = [f"{'ab'[i % 2]},{'xyz'[i % 3]},{'no' if i % 5 else 'yes'}" for i in range(200)]
    file.write_text("\n".join(["first,second,bought", *rows]))
    facts = looked(str(file), target="bought")
    assert facts.leaked == 0 and facts.lines[-1] == "6 different rows among 140 to train on"


def test_texts_are_refused_with_the_command_that_takes_them(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("the cat sees the dog.\n" * 200)
    with pytest.raises(InvalidInput, match="kerasdl train lstm_lm --data"):
        automatic.fit(str(file), out=tmp_path / "run")
    for wrong in ("soon", "0s", None):
        with pytest.raises(InvalidInput, match="time"):
            automatic.fit((X, Y), time=wrong)
    assert not (tmp_path / "run").exists()


def test_arrays_are_fitted_in_time_and_the_run_is_an_ordinary_one(tmp_path):
    lines, begin, limit = [], time.monotonic(), 30
    found = automatic.fit(
        (X, Y), time=f"{limit}s", out=tmp_path / "run", progress=False, show=lines.append
    )
    assert time.monotonic() - begin < 1.5 * limit
    recipe, run = found.run.recipe, found.run
    assert recipe.model == "mlp" and recipe.patience and not recipe.augment
    assert 3e-4 <= recipe.learning_rate <= 1e-2
    assert [*found.baselines] == ["most frequent class", "linear model", "boosted trees"]
    assert found.baselines["most frequent class"]["accuracy"] == pytest.approx(
        max(Y.mean(), 1 - Y.mean()), abs=0.05
    )
    assert found.baselines["linear model"]["accuracy"] > 0.95
    assert run.metrics["test"]["accuracy"] > 0.9
    assert any(line.startswith("network mlp") for line in lines)
    assert any(line.startswith("result: accuracy") for line in lines)
    assert recipes.open(run.path, data=(X, Y)).evaluate() == run.metrics["test"]
    again = automatic.fit((X, Y), time="30s", out=run.path, progress=False, show=lines.append)
    assert again.run.metrics == run.metrics and "continues the run" in " ".join(lines)
    with pytest.raises(InvalidInput, match="a new folder"):
        automatic.fit((X, 1 - Y), out=run.path)


def test_a_table_is_fitted_and_compared_with_its_baselines(tmp_path, capsys):
    rows = [f"{a},{'red' if b > 0 else 'blue'},{3 * a + (b > 0)}" for a, b in X[:, :2]]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["size,color,price", *rows]))
    out = tmp_path / "run"
    status, printed, _ = command(
        capsys,
        *("fit", "--data", file, "--target", "price", "--time", "60s", "--out", out, "--json"),
    )
    found = json.loads(printed)
    assert status == 0 and found["test"]["r2"] > 0.9
    assert {"mean", "ridge", "boosted trees"} == set(found["baselines"])
    assert "regression of rows of 2 columns" in found["lines"][0]
    assert any("kerasdl predict" in line or "kerasdl doctor" in line for line in found["lines"])


def test_network_and_image_size_are_chosen_by_the_time_that_steps_take(photos, monkeypatch):

    class Timed:
        def __init__(self, recipe):
            size = recipe.image_size or 64
            self.shape = (size, size, 3)
            self.step = (10.0 if recipe.model == "resnet20" else 2.0) * (size / 64) ** 2
            self.epoch = 2 * self.step

        def learning_rate(self):
            return 2e-3

    monkeypatch.setattr(automatic, "_Timed", Timed)
    chosen = {}
    for seconds in (600, 150, 50):
        recipe = automatic.choose(str(photos), seconds=seconds, show=len).recipe
        chosen[seconds] = recipe.model, recipe.image_size
        assert recipe.augment == "standard" and recipe.epochs * recipe.warmup > 0
    assert chosen == {600: ("resnet20", None), 150: ("resnet20", 32), 50: ("simple_cnn", 32)}
    assert automatic.choose(str(photos), image_size=48, show=len).recipe.image_size == 48


@pytest.mark.slow
def test_photos_are_fitted_in_time(photos, tmp_path, capsys):
    begin = time.monotonic()
    out = tmp_path / "run"
    status, printed, _ = command(capsys, "fit", "--data", photos, "--time", "60s", "--out", out)
    assert status == 0 and time.monotonic() - begin < 1.5 * 60
    assert recipes.open(out).metrics["test"]["accuracy"] >= 0.85
    assert "2 classes: bottom 32, top 32" in printed and "result: accuracy" in printed
