"""The localization network: output shapes and ranges, the shared backbone, losses."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.cli import cards


@pytest.fixture(scope="module")
def model():
    return kerasdl.create_model("localizer_tiny")


@pytest.mark.rows("TRL-23")
def test_two_heads_read_one_backbone(model):
    outputs = model(np.random.default_rng(0).random((3, 8, 8, 1), "float32"))
    assert outputs["class"].shape == (3, 10) and outputs["box"].shape == (3, 4)
    assert 0 < float(outputs["box"].numpy().min()) < float(outputs["box"].numpy().max()) < 1
    heads = [model.get_layer(name) for name in ("class", "box")]
    assert heads[0].input is heads[1].input is model.get_layer("features").output


@pytest.mark.rows("DET-03")
def test_the_loss_is_the_sum_of_both_losses_and_recorded_runs_reach_an_iou_of_07(model):
    """L = CE + MSE; the three recorded runs reach a mean IoU above 0.7."""
    x = np.random.default_rng(1).random((6, 8, 8, 1), "float32")
    y = {"class": np.arange(6), "box": np.tile([0.1, 0.2, 0.6, 0.9], (6, 1)).astype("float32")}
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"class": entropy, "box": "mse"})
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(found["class_loss"] + found["box_loss"], abs=1e-6)
    seeds = cards.result("localizer")["seeds"].values()
    assert all(run["test"]["iou"] > 0.7 for run in seeds) and len(seeds) == 3


def test_the_default_losses_are_cross_entropy_and_smooth_l1(model):
    """L = CE + 50 huber(box)."""
    model.compile()
    rng = np.random.default_rng(1)
    x = rng.random((6, 8, 8, 1), "float32")
    y = {"class": rng.integers(0, 10, 6), "box": rng.random((6, 4), "float32")}
    outputs = keras.tree.map_structure(np.asarray, model(x))
    shifted = outputs["class"] - outputs["class"].max(-1, keepdims=True)
    log = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    entropy = -log[np.arange(6), y["class"]].mean()
    error = np.abs(outputs["box"] - y["box"])
    box = np.where(error < 0.1, error**2 / 2, 0.1 * error - 0.005).mean()
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(entropy + 50 * box, rel=1e-5)
