"""The recorded results in `saved_models/` are those of its files."""

import contextlib
import dataclasses
import functools
import importlib
import io
import json
import pathlib
import re

import keras
import pytest
import tensorflow as tf

from kerasdl import registry, tasks
from kerasdl.publishing import card, catalog, publish
from kerasdl.recipes import Recipe
from kerasdl.runs import prepare

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "saved_models"
EACH = pytest.mark.parametrize(
    "name",
    # tests of one model share it and its data
    [pytest.param(n, marks=pytest.mark.xdist_group(f"saved {n}")) for n in catalog.names()],
)


@functools.cache
def result_of(name):
    return json.loads((FOLDER / name / "result.json").read_text(encoding="utf-8"))


@functools.cache
def data_of(name):
    """Return the recipe's data. The text of Python's manual depends on the version of Python."""
    splits = prepare.load_data(catalog.get(name).recipe)
    known = result_of(name)["info"]["vocabulary"]
    if not known:
        return splits
    numbers = [known.index(token) if token in known else 0 for token in splits.info.vocabulary]
    return dataclasses.replace(
        splits, test=splits.test.map(lambda *pair: tuple(tf.gather(numbers, part) for part in pair))
    )


def task_of(name):
    return prepare.task_for(catalog.get(name).recipe, data_of(name).info)


@functools.cache
def load(name):
    """Load the Keras model; wrap a generator in a learner with an untrained discriminator."""
    importlib.import_module(result_of(name)["module"])
    model = keras.saving.load_model(FOLDER / name / "model.keras")
    recipe = catalog.get(name).recipe
    if recipe.task != "generation":
        return model
    options = {**task_of(name).model_options(), **recipe.model_options}
    learner = registry.create_model(recipe.model, **options)
    learner.generator.set_weights(model.get_weights())
    return learner


def equal(name, measured, written):
    """Check metrics against recorded ones.

    Fractions may differ by one example, losses by a ten-thousandth. If the text of Python's manual
    differs, both may differ by a tenth.
    """
    same_data = publish.fingerprint(data_of(name)) == result_of(name)["data"]
    assert measured.keys() == written.keys() and written
    for key, value in written.items():
        is_share = key in ("accuracy", "same_class", "smallest_class", "largest_class")
        examples = 2000 if catalog.get(name).recipe.task == "generation" else 899
        tolerance = {"abs": 1.01 / examples} if is_share else {"rel": 1e-4, "abs": 1e-5}
        tolerance = tolerance if same_data else {"rel": 0.1}
        assert measured[key] == pytest.approx(value, **tolerance), key


def test_folder_has_the_models_of_the_catalog_and_is_small():
    folders = [path.name for path in FOLDER.iterdir() if path.is_dir()]
    assert sorted(folders) == sorted(catalog.names())
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert max(sizes) <= catalog.LARGEST_FILE and sum(sizes) <= catalog.LARGEST_FOLDER


@EACH
def test_result_matches_the_recipe_and_reaches_its_bars(name):
    result = result_of(name)
    recipe = catalog.get(name).recipe
    assert Recipe.from_json(result["recipe"]) == recipe
    assert all(bar.holds(result["test"]) for bar in recipe.bars)


@EACH
def test_keras_model_has_the_recorded_metrics(name):
    result, recipe, splits = result_of(name), catalog.get(name).recipe, data_of(name)
    model, task = load(name), task_of(name)
    parts = publish.functions_of(task, model, splits)
    equal(name, task.measure(parts, model, splits), result["keras"])
    prepare.compile_model(model, recipe, task, steps=1)
    judged = task.evaluate(model, splits.test)
    equal(name, {key: judged[key] for key in result["test"]}, result["test"])


@EACH
@pytest.mark.parametrize("kind", ["float", "best"])
def test_litert_files_have_the_recorded_metrics(name, kind):
    result, splits = result_of(name), data_of(name)
    method = result["best"] if kind == "best" else "float"
    files = publish.files_of(FOLDER / name, result["parts"], method)
    row = next(row for row in result["tried"] if row["method"] == method)
    assert row["bytes"] == sum(file.size for file in files.values())
    assert row["zipped"] == sum(file.zipped_size for file in files.values())
    parts = {part: file.predict for part, file in files.items()}
    measured = task_of(name).measure(parts, load(name), splits)
    equal(name, measured, {key: row[key] for key in result["keras"]})


@EACH
def test_smallest_good_file_is_chosen_and_recorded_sizes_are_right(name):
    result = result_of(name)
    criterion = tasks.get(catalog.get(name).recipe.task).criterion
    rows = [row for row in result["tried"] if "refused" not in row]
    whole = rows[0]
    assert whole["method"] == "float"
    for row in rows:
        assert row["enough"] == criterion.holds(row[criterion.metric], whole[criterion.metric])
    assert result["best"] == publish.smallest(rows)
    expected = {"model.keras"}
    for method in ("float", result["best"]):
        expected |= set(publish.file_names(result["parts"], method).values())
    assert result["files"].keys() == expected
    there = {path.name for path in (FOLDER / name).iterdir()}
    assert there == expected | {"card.md", "result.json"}
    for file, facts in result["files"].items():
        assert facts["bytes"] == (FOLDER / name / file).stat().st_size
        assert facts.get("median_ms", 1) > 0


@EACH
def test_card_shows_the_result_and_its_code_runs(name, monkeypatch):
    text = (FOLDER / name / "card.md").read_text(encoding="utf-8")
    assert text == card.write(name, result_of(name))
    monkeypatch.chdir(ROOT)
    scripts = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    best = f"*{result_of(name)['best']}.tflite"
    assert len(scripts) == 2 + len([*(FOLDER / name).glob(best)])
    for script in scripts:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(script, {})


def test_table_shows_the_results():
    results = {name: result_of(name) for name in catalog.names()}
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == card.index(results)
