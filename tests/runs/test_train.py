"""A run writes its files, and a stopped run ends like an uninterrupted one."""

import json
import shutil

import keras
import numpy as np
import pytest

from kerasdl import errors, explain, recipes
from kerasdl.runs import prepare
from kerasdl.runs.train import train
from kerasdl.tasks.classification import Classification
from kerasdl.training import trainer

FILES = ["config.json", "history.csv", "metrics.json", "model.keras"]


RECIPE = recipes.get("mlp").replace(epochs=4)

pytestmark = pytest.mark.xdist_group("recipes")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return RECIPE.run(tmp_path_factory.mktemp("undisturbed") / "run", progress=False)


def test_run_writes_its_files_and_can_be_opened(undisturbed):
    for name in (*FILES, "figures/curves.png", "figures/confusion.png", "examples/7.png"):
        assert (undisturbed.path / name).stat().st_size > 0
    assert list((undisturbed.path / "events").rglob("*tfevents*"))
    again = recipes.open(undisturbed.path)
    assert again.recipe == RECIPE and len(again.history["val_accuracy"]) == 4
    assert again.evaluate() == undisturbed.metrics["test"]


def test_prediction_loads_no_optimizer_and_uses_the_model_that_is_loaded(undisturbed):
    run = recipes.open(undisturbed.path)
    files = sorted(str(file) for file in (run.path / "examples").iterdir())
    rows = run.predict(files)
    assert [row["input"] for row in rows] == files and not run._network.compiled
    assert run.predict(files[:1]) == rows[:1]
    run.model.set_weights([0 * weights for weights in run.model.get_weights()])
    assert [row["probability"] for row in run.predict(files)] == [0.1] * 10


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epochs:
            raise KeyboardInterrupt

    def stop(self):
        """Do nothing; the progress bar has this method."""


@pytest.mark.rows("OPT-17", "TRN-14")
def test_interrupted_run_resumes_to_the_same_weights(undisturbed, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "Progress", lambda *arguments: StopAfter(2))
        with pytest.raises(trainer.Interrupted, match="2 of 4 epochs are kept"):
            RECIPE.run(tmp_path / "stopped", progress=True, save_seconds=0)
    with pytest.raises(errors.InvalidInput, match="which was interrupted"):
        recipes.open(tmp_path / "stopped")
    resumed = RECIPE.run(tmp_path / "stopped", progress=False)

    for name, values in undisturbed.history.items():
        assert resumed.history[name] == pytest.approx(values, abs=1e-6)
    for a, b in zip(undisturbed.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """The folder of a run that was interrupted after its first epoch."""
    out = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "Progress", lambda *arguments: StopAfter(1))
        with pytest.raises(trainer.Interrupted):
            RECIPE.run(out, save_seconds=0)
    return out


@pytest.mark.parametrize("name", ["training steps", "tensorflow", "oneDNN"])
def test_interrupted_run_with_other_numbers_is_refused(name, interrupted, tmp_path):
    shutil.copytree(interrupted, tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    config = json.loads(file.read_text())
    config["numerics"][name] = "another"
    file.write_text(json.dumps(config))
    with pytest.raises(
        errors.InvalidInput, match=f"numbers stay: {name} another; or another --out"
    ):
        RECIPE.run(tmp_path / "run", progress=False)


def test_folder_of_another_run_is_refused(undisturbed, tmp_path):
    with pytest.raises(errors.InvalidInput, match="holds a run with epochs=4"):
        RECIPE.run(undisturbed.path, fast=True, progress=False)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(errors.InvalidInput, match="a new, empty or run folder"):
        RECIPE.run(tmp_path, progress=False)


def fast(out, **options):
    return train(recipes.get("mlp"), out, fast=True, progress=False, **options)


def fails(*_, **__):
    raise RuntimeError("it does not\nwork")


def test_failed_figure_is_named_and_the_others_are_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(explain, "confusion", fails)
    monkeypatch.setattr(Classification, "write_examples", fails)
    run = fast(tmp_path / "run")
    assert run.finished and run.metrics["test"]["accuracy"] >= 0
    drawn = {file.stem for file in (run.path / "figures").iterdir()}
    assert drawn == {"curves", "mistakes"}
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "No figure `confusion`: RuntimeError: it does not work",
        "No examples: RuntimeError: it does not work",
    ]
    assert {path.stem for path in recipes.open(run.path).explain()} == drawn


def test_failed_evaluation_is_named_and_the_training_is_kept(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(Classification, "evaluate", fails)
        run = fast(tmp_path / "run", pictures=False)
    assert run.finished and run.metrics["test"] == {} and run.metrics["parameters"] > 0
    assert "No evaluation: RuntimeError" in capsys.readouterr().err
    assert [(value, holds) for _, value, holds in run.bars()] == [(None, False)]
    assert recipes.open(run.path).evaluate()["accuracy"] >= 0


def test_figures_that_training_skips_are_drawn_later(tmp_path):
    run = recipes.get("mlp").run(tmp_path / "run", fast=True, progress=False, pictures=False)
    assert run.finished and run.metrics["test"]["accuracy"] >= 0
    assert not (run.path / "figures").exists() and not (run.path / "examples").exists()
    drawn = recipes.open(run.path).explain()
    assert {file.name for file in drawn} == {"curves.png", "confusion.png", "mistakes.png"}
    assert all(file.stat().st_size > 0 for file in drawn)


class Breaks(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        fails()


def test_training_that_fails_before_the_first_checkpoint_leaves_no_files(tmp_path):
    out = tmp_path / "run"
    for options, error in [
        ({"callbacks": [Breaks()]}, RuntimeError),
        ({"on_nan": "sometimes"}, errors.InvalidInput),
        ({"save_seconds": float("nan")}, errors.InvalidInput),
    ]:
        with pytest.raises(error):
            fast(out, **options)
        assert not out.exists()
    with pytest.raises(errors.InvalidInput):
        RECIPE.replace(epochs=10**9).run(out, progress=False)
    assert not out.exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    with pytest.raises(RuntimeError):
        fast(mine, callbacks=[Breaks()])
    assert list(mine.iterdir()) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_run_that_another_command_trains_meanwhile_is_not_overwritten(seed, tmp_path, monkeypatch):
    """Both commands start in a new folder; one is done before the other has loaded its data."""
    load, files = prepare.load_data, []

    def loading(*given):
        if not files:
            files.append(tmp_path / "run" / "metrics.json")
            other = recipes.get("mlp").replace(seed=seed)
            train(other, tmp_path / "run", fast=True, progress=False, pictures=False)
            files.append(files[0].stat().st_mtime_ns)
        return load(*given)

    monkeypatch.setattr(prepare, "load_data", loading)
    if seed:
        with pytest.raises(errors.InvalidInput, match=r"holds a run with seed=1\. "):
            fast(tmp_path / "run")
    else:
        assert fast(tmp_path / "run").finished
    assert files[0].stat().st_mtime_ns == files[1]
    assert recipes.open(tmp_path / "run").recipe.seed == seed


def test_folder_without_a_checkpoint_can_be_used_again(tmp_path):
    """A kill before the first checkpoint leaves only config.json."""
    run = fast(tmp_path / "whole", pictures=False)
    out = tmp_path / "killed"
    out.mkdir()
    config = json.loads((run.path / "config.json").read_text())
    config["recipe"]["learning_rate"] = 0.5
    (out / "config.json").write_text(json.dumps(config))
    assert fast(out, pictures=False).recipe.learning_rate != 0.5
    assert recipes.open(out).recipe == recipes.open(run.path).recipe


@pytest.mark.slow
@pytest.mark.parametrize("place", ["evaluate", "figures", "write_examples"])
def test_run_stopped_after_training_is_not_trained_again(place, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    whole = fast(tmp_path / "whole")
    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Classification, place, stop)
        with pytest.raises(trainer.Interrupted, match="is trained; the same command evaluates"):
            fast(out)
    monkeypatch.setattr(trainer.Trainer, "fit", fails)
    resumed = fast(out)
    assert resumed.metrics["test"] == whole.metrics["test"]
    assert resumed.history == whole.history
    assert (out / "figures" / "curves.png").exists() and (out / "examples" / "7.png").exists()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A training that diverges, and stops before its last epoch."""
    recipe = recipes.get("mlp").replace(epochs=9, learning_rate=0.3, patience=2)
    return recipe.run(tmp_path_factory.mktemp("impatient") / "run", progress=False, pictures=False)


def test_patience_ends_training_and_restores_the_best_weights(impatient):
    losses = impatient.history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 9 and impatient.metrics["best_epoch"] == best + 1
    splits = impatient.load_data()
    validation = impatient.task.prepare(splits.validation)
    found = impatient.model.evaluate(validation, verbose=0)[0]
    assert found == pytest.approx(losses[best], rel=1e-6)


@pytest.mark.parametrize("after", ["the epoch before", "the last epoch"])
def test_patience_is_the_same_after_an_interruption(after, impatient, tmp_path):
    """It stops in the same epoch with the same weights to the bit."""
    options = {"progress": False, "pictures": False, "save_seconds": 0}
    epochs = len(impatient.history["loss"])
    stop = StopAfter(epochs - (after == "the epoch before"))
    with pytest.raises(trainer.Interrupted):
        impatient.recipe.run(tmp_path / "run", callbacks=[stop], **options)
    resumed = impatient.recipe.run(tmp_path / "run", **options)
    assert resumed.history == impatient.history
    for a, b in zip(impatient.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_patience_needs_a_validation_loss_that_falls(tmp_path):
    recipe = recipes.get("mlp").replace(patience=2, data_options={"validation": 0})
    with pytest.raises(errors.InvalidInput, match=r"a validation split .*: digits, without"):
        recipe.run(tmp_path / "run", progress=False)
    with pytest.raises(errors.InvalidInput, match=r"`patience`. Expected None for generation"):
        recipes.get("dcgan").replace(patience=2).run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_class_weights_are_recorded(tmp_path):
    options = {"task_options": {"class_weights": "balanced"}, "epochs": 1}
    run = RECIPE.replace(**options).run(tmp_path / "run", progress=False, pictures=False)
    weights = recipes.open(run.path).config["class_weights"]
    counts = run.info.class_counts
    expected = [sum(counts) / (10 * count) for count in counts]
    assert weights == dict(zip(map(str, range(10)), expected, strict=True))
