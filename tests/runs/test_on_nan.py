"""A run with a NaN loss: it stops and says why, or goes back and halves the learning rate."""

import keras
import numpy as np
import pytest

from kerasdl import recipes, runs
from kerasdl.callbacks import nonfinite
from kerasdl.runs import prepare
from kerasdl.runs.train import train
from kerasdl.training import trainer

RECIPE = recipes.get("mlp").replace(epochs=2, learning_rate=100.0, weight_decay=0.0)
SPOILT = r"Invalid loss in step \d of epoch 1. .*--on-nan lower.* first not finite: the"


@pytest.fixture(autouse=True)
def plain_descent(monkeypatch):
    """Train with SGD, whose steps grow with the learning rate, unlike Adam's."""

    def optimizer_for(recipe, steps, head_epochs, has_head):
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps * recipe.epochs)
        return lambda: keras.optimizers.SGD(rate, momentum=0.9)

    monkeypatch.setattr(prepare, "optimizer_for", optimizer_for)


def run(out, **options):
    return train(RECIPE, out, progress=False, pictures=False, save_seconds=0, **options)


class StopAfter(keras.callbacks.Callback):
    def __init__(self, executions):
        super().__init__()
        self.left = executions

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_run_stops_with_one_line(tmp_path):
    with pytest.raises(nonfinite.NonFiniteLoss, match=SPOILT):
        run(tmp_path)
    assert not runs.is_finished(tmp_path)


def test_run_goes_back_and_lowers_the_learning_rate_even_after_a_stop(tmp_path, capsys):
    undisturbed = run(tmp_path / "whole", on_nan="lower")
    times = len(undisturbed.metrics["lowered"])
    assert 1 <= times <= trainer.LOWERINGS
    lines = [line for line in capsys.readouterr().err.splitlines() if "Invalid loss" in line]
    assert len(lines) == times
    assert lines[-1].endswith(f"Back to 0 of 2 epochs, with 1/{2**times} of the learning rate.")
    assert np.isfinite(undisturbed.history["loss"]).all()

    with pytest.raises(trainer.Interrupted):  # in the second epoch, with the lower learning rate
        run(tmp_path / "stopped", on_nan="lower", callbacks=(StopAfter(times + 4),))
    resumed = run(tmp_path / "stopped", on_nan="lower")
    assert resumed.metrics["lowered"] == undisturbed.metrics["lowered"]
    assert resumed.history == undisturbed.history
    for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
