"""Runs whose recipe chooses Muon: the optimizer that is made, and resuming."""

import keras
import numpy as np
import pytest

from kerasdl import optimizers, recipes
from kerasdl.runs import prepare
from kerasdl.training.trainer import Interrupted

RECIPE = recipes.get("simple_cnn").replace(
    epochs=2, optimizer="muon", model_options={"widths": (4, 8), "units": 8}
)
OPTIONS = {"progress": False, "pictures": False}


class Stop(keras.callbacks.Callback):
    """Interrupt the training inside its second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return RECIPE.run(tmp_path_factory.mktemp("runs") / "run", **OPTIONS)


def test_kernels_but_that_of_the_head_are_updated_by_muon(run):
    again = recipes.open(run.path)
    model, optimizer = again.model, again.model.optimizer
    assert again.recipe.optimizer == "muon" and type(optimizer) is optimizers.Muon
    pairs = zip(model.trainable_variables, optimizer.adam_velocities, strict=True)
    by_muon = [weight.path for weight, velocity in pairs if velocity is None]
    assert by_muon == ["conv1/kernel", "conv2/kernel", "features/kernel"]
    assert optimizer.weight_decay == optimizer.adam_weight_decay == RECIPE.weight_decay


def test_resumed_run_is_equal_to_the_bit(run, tmp_path):
    with pytest.raises(Interrupted):
        RECIPE.run(tmp_path / "run", save_seconds=0, callbacks=[Stop()], **OPTIONS)
    resumed = RECIPE.run(tmp_path / "run", **OPTIONS)
    assert resumed.history == run.history
    for ours, theirs in zip(resumed.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_tasks_give_adams_betas_to_the_rest():
    recipe = recipes.get("mlp").replace(optimizer="muon", weight_decay=0.1)
    made = prepare.optimizer_for(recipe, 10)(beta_1=0.5, beta_2=0.95, global_clipnorm=1.0)
    assert (made.adam_beta_1, made.adam_beta_2, made.global_clipnorm) == (0.5, 0.95, 1.0)
    assert made.weight_decay == made.adam_weight_decay == 0.1 and not made.exclude_last
    made.exclude_from_weight_decay(var_names=["bias"])
