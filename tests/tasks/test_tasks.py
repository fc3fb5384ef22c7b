"""Tasks: found by their files, matched with data, and complete."""

import ast
import dataclasses
import json
import string
import sys

import pytest

from kerasdl import cli, data, recipes, tasks
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare

EVERY = pytest.mark.parametrize("name", tasks.names())


@EVERY
def test_task_defines_all_required_attributes(name):
    task = tasks.get(name)
    assert task.title and task.kinds and task.metrics
    names = [metric.name for metric in task.metrics]
    assert task.criterion.metric in names and len(set(names)) == len(names)
    assert task.criterion.text.strip()
    assert all(metric.direction in ("max", "min") and metric.meaning for metric in task.metrics)
    fields = {field for _, field, _, _ in string.Formatter().parse(task.usage) if field}
    assert fields <= {"folder", "best", "data", "input_shape", "output_shape", "outputs"}


REPORTED = {
    "classification": "accuracy max, cross_entropy min",
    "detection": "ap max, ap50 max, recall max",
    "forecasting": "relative min, mae min, rmse min",
    "generation": "smallest_class max, largest_class min, certainty max, same_class max, "
    "largest_pixel_error min, discriminator_loss min, generator_loss min",
    "instance_segmentation": "mask_ap max, mask_ap50 max, ap50 max",
    "language": "nats min, bits min",
    "localization": "localized max, accuracy max, iou max",
    "reconstruction": "negative_elbo min, mse min, reconstruction min, kl min, "
    "mean_reconstruction min",
    "regression": "mse min, r2 max, mae min",
    "segmentation": "iou max, accuracy max",
    "sequence_tagging": "accuracy max, f1 max, nats min",
    "tagging": "f1 max, auc max, exact max, cross_entropy min",
    "text_classification": "accuracy max, cross_entropy min",
    "translation": "exact max, token_accuracy max, nats min",
}
KINDS = {"language": "text", "localization": "boxes", "tagging": "tags"}
KINDS["sequence_tagging"] = "word_tags"
KINDS |= {"segmentation": "masks", "detection": "boxes", "forecasting": "series"}
KINDS["instance_segmentation"] = "boxes"
KINDS |= dict.fromkeys(("regression", "translation"))


@EVERY
def test_metrics_have_their_names_and_directions(name):
    task = tasks.get(name)
    found = ", ".join(f"{metric.name} {metric.direction}" for metric in task.metrics)
    assert found == REPORTED[name]
    assert task.kinds == (KINDS.get(name, "classification") or name,)
    others = ("regression", "tagging")
    assert task.otherwise == (others if name == "classification" else ())
    assert task.has_head == (name in ("classification", *others))
    assert task.early_stopping == (name != "generation")
    ast.parse(task.keras_usage)


@EVERY
def test_every_task_has_a_recipe(name):
    learned = {recipes.get(recipe).task for recipe in recipes.names()}
    others = {other for task in learned for other in tasks.get(task).otherwise}
    assert name in learned | others


def test_class_weights_need_a_class_of_each_example():
    recipe = recipes.get("mlp").replace(task_options={"class_weights": "balanced"})
    with pytest.raises(InvalidInput, match=r"a class each\. Received: diabetes, which is regr"):
        prepare.task_for(recipe, data.load("diabetes").info)
    info = dataclasses.replace(data.load("iris").info, class_counts=None)
    with pytest.raises(InvalidInput, match="whose labels are counted when they are loaded"):
        prepare.task_for(recipe, info)


def test_classification_becomes_regression_if_targets_are_numbers():
    recipe = recipes.get("mlp").replace(data="diabetes")
    task = prepare.task_for(recipe, data.load("diabetes").info)
    assert task.title == "regression"
    assert prepare.task_for(recipe, data.load("iris").info).title == "classification"


@pytest.mark.parametrize(
    ("name", "dataset", "message"),
    [
        ("lstm_lm", "adding", "language modeling: text. Received: adding, which is regression"),
        ("mlp", "ring", "classification or regression or tags. Received: ring"),
        ("vae", "ring", "reconstruction of images: classification. Received: ring"),
        ("vae", "iris", "images for reconstruction of images. Received: iris"),
        ("dcgan", "pydocs", "generation of images: classification. Received: pydocs"),
        ("translation", "pydocs", "translation: translation. Received: pydocs, which is text"),
        ("forecaster", "sine", "forecasting: series. Received: sine, which is regression"),
        ("gpt_tiny", "digits", "language modeling: text. Received: digits"),
    ],
)
def test_data_of_another_kind_is_refused_in_one_line(name, dataset, message, tmp_path, capsys):
    out = tmp_path / "run"
    sys.argv = ["kerasdl", "train", name, "--data", dataset, "--out", str(out)]
    with pytest.raises(SystemExit) as stop:
        cli.main()
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and message in error, error
    assert not out.exists()


def test_unknown_names_and_options_are_refused():
    with pytest.raises(InvalidInput, match="task"):
        tasks.get("clasification")
    info = data.load("iris").info
    with pytest.raises(InvalidInput, match="option for classification"):
        tasks.create("classification", info, {"smoothing": 0.1})
    with pytest.raises(InvalidInput, match="task"):
        dataclasses.replace(recipes.get("mlp"), task="no_such")


@EVERY
def test_every_option_of_a_task_has_a_check(name):
    defaults = tasks.get(name).defaults
    assert set(defaults) == set(tasks.OPTIONS.get(name, {}))
    tasks.check_options(name, dict(defaults))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mlp", {"label_smoothing": -5}, r"`label_smoothing`.*a fraction in \[0, 1\).* -5$"),
        ("mlp", {"label_smoothing": 1}, r"`label_smoothing`.*a fraction"),
        ("mlp", {"label_smoothing": "0.1"}, r"`label_smoothing`.*a fraction"),
        ("mlp", {"class_weights": "even"}, r"`class_weights`.*one of balanced.*even$"),
        ("mlp", {"smoothing": 0.1}, r"option for classification.*label_smoothing.*: smoothing$"),
        ("dcgan", {"discriminator_rate": 0}, r"`discriminator_rate`.*above 0.*0$"),
        ("autoencoder", {"loss": 3}, r"`loss`.*a text or None.*3$"),
        ("gpt_tiny", {"label_smoothing": 0.1}, r"for language. Expected none. .*label_smoothing$"),
    ],
)
def test_options_are_checked_when_a_recipe_is_made_or_changed(name, options, message):
    recipe = recipes.get(name)
    with pytest.raises(InvalidInput, match=message):
        recipe.replace(task_options=options)
    with pytest.raises(InvalidInput, match=message):
        recipes.Recipe.from_json({**recipe.to_json(), "task_options": options})


def test_recipes_with_former_task_names_are_loaded():
    old = {**recipes.get("mlp").to_json(), "task": "supervised"}
    assert recipes.Recipe.from_json(json.loads(json.dumps(old))) == recipes.get("mlp")
