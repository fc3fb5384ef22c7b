"""Importance of hyper-parameters, and recipes as hypermodels for KerasTuner."""

import keras_tuner
import numpy as np
import pytest

from kerasdl import recipes, registry
from kerasdl.runs import prepare
from kerasdl.tuning import RecipeHyperModel, figures


def test_important_hyper_parameters_are_found():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(60, 3))
    found = figures.importance(["rate", "width", "idle"], x, 10 * x[:, 0] ** 2 + 2 * x[:, 1])
    assert found.mean[0] > 3 * found.mean[1] > 9 * found.mean[2]
    assert found.explained > 0.7
    figure = figures.importance_bars(found)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["idle", "width", "rate"]  # from bottom to top
    noise = figures.importance(["rate", "width", "idle"], x, rng.normal(size=60))
    assert noise.explained < 0.2


def test_few_trials_give_no_importance():
    assert figures.importance(["rate"], [[0.1], [0.2]], [1.0, 2.0]) is None
    assert figures.importance(["rate"], np.zeros((9, 1)), np.ones(9)) is None


@pytest.mark.rows("HPO-14")
def test_recipe_works_with_the_tuners_of_keras_tuner(tmp_path):
    recipe = recipes.get("mlp")
    splits = prepare.load_data(recipe, fast=True)
    task = prepare.task_for(recipe, splits.info)
    train, validation = (task.prepare(d) for d in (splits.train, splits.validation))
    model = RecipeHyperModel(recipe, splits)
    assert "batch_size" not in {p.name for p in model.parameters}
    tuner = keras_tuner.RandomSearch(
        model, "val_accuracy", max_trials=2, seed=1, directory=tmp_path, project_name="mlp"
    )
    tuner.search(train, validation_data=validation, epochs=1, verbose=0)
    assert len(tuner.oracle.trials) == 2
    best = tuner.get_best_hyperparameters()[0]
    assert set(best.values) == {p.name for p in model.parameters}
    built = tuner.hypermodel.build(best)
    assert isinstance(built, registry.entries()["mlp"].load())
