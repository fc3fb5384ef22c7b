"""A run leaves its files behind, and a stopped one ends as an undisturbed one does."""

import keras
import numpy as np
import pytest

from kerasdl import errors, recipes
from kerasdl.recipes import surviving

FILES = ["config.json", "history.csv", "metrics.json", "model.keras"]


@pytest.fixture
def recipe():
    return recipes.get("mlp").replace(epochs=4)


def test_run_leaves_its_files_and_opens_again(recipe, tmp_path):
    run = recipe.run(tmp_path / "run", progress=False)
    for name in (*FILES, "figures/curves.png", "figures/confusion.png", "examples/7.png"):
        assert (run.path / name).stat().st_size > 0
    assert list((run.path / "events").rglob("*tfevents*"))
    again = recipes.open(run.path)
    assert again.recipe == recipe and len(again.history["val_accuracy"]) == 4
    assert again.evaluate() == run.metrics["test"]


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epochs:
            raise KeyboardInterrupt

    def stop(self):
        """As the progress bar has it."""


def test_interrupted_run_resumes_to_the_same_weights(recipe, tmp_path, monkeypatch):
    undisturbed = recipe.run(tmp_path / "whole", progress=False)

    with monkeypatch.context() as patch:
        patch.setattr(surviving, "ProgressBar", lambda *arguments: StopAfter(2))
        with pytest.raises(surviving.Interrupted, match="2 of 4 epochs are kept"):
            recipe.run(tmp_path / "stopped", progress=True, save_seconds=0)
    with pytest.raises(errors.InvalidInput, match="which was interrupted"):
        recipes.open(tmp_path / "stopped")
    resumed = recipe.run(tmp_path / "stopped", progress=False)

    for name, values in undisturbed.history.items():
        assert resumed.history[name] == pytest.approx(values, abs=1e-6)
    for a, b in zip(undisturbed.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_folder_of_another_run_is_refused(recipe, tmp_path):
    recipe.run(tmp_path / "run", fast=True, progress=False)
    with pytest.raises(errors.InvalidInput, match="holds a run with epochs=1"):
        recipe.run(tmp_path / "run", progress=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(errors.InvalidInput, match="a new, empty or run folder"):
        recipe.run(tmp_path / "other", progress=False)


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_runs_fast(name, tmp_path):
    run = recipes.get(name).run(tmp_path / "run", fast=True, progress=False)
    assert run.finished and all(np.isfinite(list(run.metrics["test"].values())))
