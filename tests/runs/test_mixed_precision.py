"""Runs in mixed precision: recipes, resuming, evaluation, exported and compressed files."""

import keras
import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.training.trainer import Interrupted

RECIPE = recipes.get("mlp").replace(
    epochs=3, dtype_policy="mixed_float16", model_options={"widths": (16,)}
)


class Stop(keras.callbacks.Callback):
    """Interrupt the training inside its second epoch."""

    def __init__(self):
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == 5:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return RECIPE.run(tmp_path_factory.mktemp("runs") / "run", progress=False, pictures=False)


def test_run_is_loaded_with_its_precision(run):
    again = recipes.open(run.path)
    assert again.recipe.dtype_policy == "mixed_float16"
    assert again.model.dtype_policy.name == "mixed_float16"
    assert isinstance(again.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert again.evaluate() == run.metrics["test"]


def test_resumed_run_is_equal_to_the_bit(run, tmp_path):
    with pytest.raises(Interrupted):
        RECIPE.run(
            tmp_path / "run", progress=False, pictures=False, save_seconds=0, callbacks=[Stop()]
        )
    resumed = RECIPE.run(tmp_path / "run", progress=False, pictures=False)
    assert resumed.history == run.history
    for ours, theirs in zip(resumed.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_folder_of_another_precision_is_refused(run):
    with pytest.raises(InvalidInput, match="holds a run with dtype_policy='mixed_float16'"):
        RECIPE.replace(dtype_policy="float32").run(run.path, progress=False)
    other = RECIPE.replace(dtype_policy="float32")
    with pytest.raises(InvalidInput, match=r"precision.*Expected float32. Received: mixed_float16"):
        prepare.check_model(run.model, other, run.task)


def test_files_compute_in_float32(run):
    row, _ = run.export()
    assert row["error"] < 1e-2 and row["agree"] > 0.99  # Keras computes in float16


@pytest.mark.slow
def test_run_is_compressed_and_diagnosed(run):
    rows = run.compress(methods=("prune", "qat"), epochs=1)
    assert all(np.isfinite(row["accuracy"]) for row in rows)
    assert [row["found"] for row in run.doctor()]


def test_precision_and_xla_of_a_recipe_are_checked():
    with pytest.raises(InvalidInput, match=r"`dtype_policy`.*float32, mixed_bfloat16, mixed_float"):
        RECIPE.replace(dtype_policy="float16")
    with pytest.raises(InvalidInput, match=r"`jit_compile`. Expected True, False or 'auto'"):
        RECIPE.replace(jit_compile="always")
    with pytest.raises(InvalidInput, match="without `dtype`, which is the recipe's `dtype_policy`"):
        RECIPE.replace(model_options={"dtype": "mixed_float16"})
