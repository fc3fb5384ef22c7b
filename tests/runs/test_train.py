"""A run leaves its files behind, and a stopped one ends as an undisturbed one does."""

import keras
import numpy as np
import pytest

from kerasdl import errors, recipes
from kerasdl.training import trainer

FILES = ["config.json", "history.csv", "metrics.json", "model.keras"]


RECIPE = recipes.get("mlp").replace(epochs=4)

pytestmark = pytest.mark.xdist_group("recipes")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return RECIPE.run(tmp_path_factory.mktemp("undisturbed") / "run", progress=False)


def test_run_leaves_its_files_and_opens_again(undisturbed):
    for name in (*FILES, "figures/curves.png", "figures/confusion.png", "examples/7.png"):
        assert (undisturbed.path / name).stat().st_size > 0
    assert list((undisturbed.path / "events").rglob("*tfevents*"))
    again = recipes.open(undisturbed.path)
    assert again.recipe == RECIPE and len(again.history["val_accuracy"]) == 4
    assert again.evaluate() == undisturbed.metrics["test"]


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epochs:
            raise KeyboardInterrupt

    def stop(self):
        """As the progress bar has it."""


@pytest.mark.rows("OPT-17", "TRN-14")
def test_interrupted_run_resumes_to_the_same_weights(undisturbed, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ProgressBar", lambda *arguments: StopAfter(2))
        with pytest.raises(trainer.Interrupted, match="2 of 4 epochs are kept"):
            RECIPE.run(tmp_path / "stopped", progress=True, save_seconds=0)
    with pytest.raises(errors.InvalidInput, match="which was interrupted"):
        recipes.open(tmp_path / "stopped")
    resumed = RECIPE.run(tmp_path / "stopped", progress=False)

    for name, values in undisturbed.history.items():
        assert resumed.history[name] == pytest.approx(values, abs=1e-6)
    for a, b in zip(undisturbed.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_folder_of_another_run_is_refused(undisturbed, tmp_path):
    with pytest.raises(errors.InvalidInput, match="holds a run with epochs=4"):
        RECIPE.run(undisturbed.path, fast=True, progress=False)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(errors.InvalidInput, match="a new, empty or run folder"):
        RECIPE.run(tmp_path, progress=False)
