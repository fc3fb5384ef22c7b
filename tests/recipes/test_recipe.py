"""Recipes check their values, can be stored as JSON, and reach their bars."""

import json

import pytest

from kerasdl import errors, recipes, registry
from kerasdl.cli import cards
from kerasdl.recipes import Bar


@pytest.mark.parametrize("name", recipes.names())
def test_recipe_names_a_model_and_can_be_stored_as_json(name):
    recipe = recipes.get(name)
    assert recipe.model in registry.list_models()
    again = recipes.Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe


@pytest.mark.parametrize("name", recipes.names())
def test_recorded_result_is_of_the_recipe_and_reaches_its_bars_with_three_seeds(name):
    result = cards.result(name)
    recipe = recipes.get(name)
    assert result is not None, f"python -m kerasdl.recipes.record {name}"
    assert recipes.Recipe.from_json(result["recipe"]) == recipe
    assert len(result["seeds"]) >= 3 and str(recipe.seed) in result["seeds"]
    for seed, metrics in result["seeds"].items():
        for bar in recipe.bars:
            assert bar.holds(metrics["test"]), (seed, str(bar), metrics)
        assert metrics["seconds"] <= 180


def test_bar_includes_its_limits():
    bar = Bar("share", at_least=0.03, at_most=0.25)
    assert bar.holds({"share": 0.03}) and bar.holds({"share": 0.25})
    assert not bar.holds({"share": 0.02}) and not bar.holds({"share": 0.26})
    assert str(bar) == ">= 0.03 and <= 0.25"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), None])
def test_metric_that_is_infinite_nan_or_missing_reaches_no_bar(value):
    metrics = {} if value is None else {"loss": value}
    assert not Bar("loss", at_least=-1.0).holds(metrics)
    assert not Bar("loss", at_most=1.0).holds(metrics)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"batch_size": 0}, {"epochs": -3}, {"seed": -1}])
def test_impossible_values_are_refused(change):
    with pytest.raises(
        errors.InvalidInput, match=r"Expected (a positive integer|an integer from 0)"
    ):
        recipes.get("mlp").replace(**change)


def test_other_data_drops_the_options_and_bars_of_the_embedded_dataset():
    recipe = recipes.get("autoencoder").replace(data="moons")
    assert recipe.bars == () and recipe.data_options == {}


@pytest.mark.parametrize("data", ["my.csv", "iris", "moons"])
def test_only_images_are_augmented(data):
    recipe = recipes.get("mlp")
    assert recipe.augment and not recipe.replace(data=data).augment
    assert recipe.replace(data="my/images").augment == recipe.augment
    enlarged = recipe.replace(image_size=16)
    assert enlarged.replace(data="my/images").image_size == 16
    assert enlarged.replace(data=data).image_size is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": -1}, "`learning_rate`. Expected a number above 0"),
        ({"learning_rate": float("nan")}, "`learning_rate`"),
        ({"weight_decay": 1000.0}, "`weight_decay`. Expected a number at least 0 and below 250"),
        ({"warmup": float("inf")}, "`warmup`"),
        ({"optimizer": "sgd"}, "`optimizer`. Expected one of adamw, muon. Received: sgd"),
        ({"model": "no_such"}, "Invalid model name"),
        ({"augment": "no_such"}, "augmentation policy"),
        ({"model_options": {"widths": object()}}, "`model_options`. Expected a dict"),
        ({"patience": 0}, "`patience`. Expected a positive integer or None"),
        ({"head_epochs": 0}, "`head_epochs`. Expected a positive integer or None"),
        ({"head_epochs": 2, "freeze": "backbone"}, "`head_epochs`. Expected None, or another"),
        ({"start": 3}, "`start`. Expected a path or None"),
        ({"freeze": ""}, "`freeze`. Expected a text"),
        ({"bars": ("accuracy",)}, "`bars`. Expected a tuple of Bar"),
        ({"no_such": 1}, "part of a recipe"),
        ({"data": 3}, "`data`. Expected a text"),
    ],
)
def test_error_names_the_invalid_value(change, message):
    with pytest.raises(errors.InvalidInput, match=message):
        recipes.get("mlp").replace(**change)


def test_limits_that_no_number_can_meet_are_refused():
    for limits in ({"at_least": float("nan")}, {"at_least": 0.9, "at_most": 0.1}, {"at_most": ""}):
        with pytest.raises(errors.InvalidInput, match="`at_"):
            Bar("accuracy", **limits)


def test_unknown_name_suggests_a_similar_recipe():
    with pytest.raises(errors.InvalidInput, match="se_resnet_tiny"):
        recipes.get("seresnet_tiny")


def test_another_model_drops_the_options_and_bars_of_the_recipes_own():
    recipe = recipes.get("simple_cnn")
    other = recipe.replace(model="resnet20", data="mnist")
    assert other.name == "simple_cnn-resnet20" and other.summary == "resnet20 on mnist"
    assert other.bars == () and other.model_options == {}
    assert [part.name for part in other.space] == [
        part.name for part in recipe.space if part.name not in ("widths", "units", "dropout")
    ]
    named = recipe.replace(model="resnet20", model_options={"width": 8}, name="mine")
    assert named.name == "mine" and named.model_options == {"width": 8}
    assert recipe.replace(model="simple_cnn") == recipe
    again = recipes.Recipe.from_json(other.to_json())
    assert again == other and recipes.space_of(again) == ()
    keras_model = recipe.replace(model="keras.applications.MobileNetV2")
    assert keras_model.folder().name == "simple_cnn-MobileNetV2-digits-seed0"


def test_a_recipe_on_other_data_says_so_in_its_summary():
    recipe = recipes.get("simple_cnn")
    assert recipe.replace(epochs=3).summary == recipe.summary
    assert recipe.replace(data="mnist").summary == "simple_cnn on mnist"
    assert recipe.replace(data="mnist", summary="mine").summary == "mine"
