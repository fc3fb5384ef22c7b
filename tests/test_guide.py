"""The tables of the guide are complete, and the names in them exist."""

import dataclasses
import importlib
import inspect
import pathlib

import keras
import pytest

import kerasdl
from kerasdl import errors, guide, registry
from kerasdl.recipes import recipe

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "guide.md"


def test_page_is_made_from_the_tables():
    assert PAGE.read_text(encoding="utf-8") == guide.page(), (
        "python -m kerasdl.guide > docs/guide.md"
    )


@pytest.mark.rows("BAS-02", "BAS-28", "BAS-29")
def test_tables_have_all_rows():
    lengths = [guide.LEARNING, guide.NETWORKS, guide.CHOICES, guide.FRAMEWORKS]
    assert [len(table) for table in lengths] == [5, 10, 9, 6]
    assert [len(topics) for topics in guide.ROADMAP.values()] == [3, 4, 3]
    assert {"data", "features", "hardware", "training time", "interpretability"} == {
        *guide.LEARNING
    }
    assert len(guide.FORWARD_OR_RECURRENT) == len(guide.HYPER_PARAMETERS) == 5


@pytest.mark.rows("BAS-03")
def test_models_and_modules_in_the_tables_exist():
    topics = [place for topics in guide.ROADMAP.values() for place in topics.values()]
    for here in [*topics, *(row[2] for row in guide.NETWORKS.values())]:
        models = here in registry.entries()
        assert models or importlib.import_module(here).__name__.startswith("kerasdl.formulas.")
    assert set(guide.HERE.values()) <= set(registry.entries())
    assert all(name in guide.CHOICES[data, task] for data, task, name in guide.HERE)


def test_hyper_parameters_in_the_table_are_arguments():
    for _, where in guide.HYPER_PARAMETERS.values():
        path, _, argument = where.rstrip(")").partition("(")
        package, *names = path.split(".")
        found = {"keras": keras, "kerasdl": kerasdl}[package]
        for name in names:
            found = getattr(found, name)
        assert argument in inspect.signature(found).parameters, where
    fields = {field.name for field in dataclasses.fields(recipe.Recipe)}
    assert {"learning_rate", "batch_size", "epochs", "model_options"} <= fields


@pytest.mark.rows("BAS-27")
def test_recommendations_for_data_and_task():
    assert guide.recommend("images", "classification") == ("ResNet", "EfficientNet", "ViT")
    assert guide.recommend("graphs", "prediction") == ("GNN",)
    with pytest.raises(
        errors.InvalidInput, match=r"kind of data. Expected one of audio, graphs, images"
    ):
        guide.recommend("image", "classification")
    with pytest.raises(errors.InvalidInput, match="task for text"):
        guide.recommend("text", "detection")


@pytest.mark.rows("ACT-18", "E-38")
def test_recommended_activations_are_those_of_the_models():
    lstm = keras.layers.LSTM(2)
    assert lstm.recurrent_activation.__name__ == guide.activation("gate")
    assert lstm.activation.__name__ == guide.activation("state")
    generator = kerasdl.create_model("dcgan_tiny").generator
    used = [part.activation.__name__ for part in generator.layers if hasattr(part, "activation")]
    assert used[-1] == guide.activation("pixels") and guide.activation("hidden") in used
    with pytest.raises(errors.InvalidInput, match="task"):
        guide.activation("hide")
