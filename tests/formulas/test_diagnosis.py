"""Diagnosis, compared with `GradientHealth`, `gradient_check` and GradientTape."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.callbacks import gradient_health
from kerasdl.diagnosis import gradients
from kerasdl.formulas import diagnosis

LABELS = ["zero", "vanishing", "ok", "exploding"]


def test_gradient_health_equals_the_callback(same):
    norms = [0.0, 1e-12, 9.9e-8, 1e-7, 1.0, 100.0, 100.1, np.inf, np.nan]
    ours = [LABELS.index(diagnosis.gradient_health(norm)) for norm in norms]
    theirs = [LABELS.index(gradient_health.label(norm)) for norm in norms]
    same(diagnosis.gradient_health, "kerasdl.callbacks.GradientHealth", ours, theirs)
    assert [LABELS[i] for i in ours] == ["zero"] + ["vanishing"] * 2 + ["ok"] * 3 + [
        "exploding"
    ] * 3


def test_slope_along_a_direction_equals_gradient_tape(same):
    random = np.random.default_rng(0)
    w, direction = random.normal(size=(2, 6))
    x = random.normal(size=(5, 6))
    variable = tf.Variable(w)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.tanh(tf.linalg.matvec(x, variable)))
    automatic = np.sum(tape.gradient(loss, variable) * direction)
    numeric = diagnosis.slope_along(lambda w: np.tanh(x @ w).sum(), w, direction)
    same(diagnosis.slope_along, "tf.GradientTape", numeric, automatic)
    assert diagnosis.relative_error(numeric, automatic) < 1e-4


def test_relative_error_equals_gradient_check(same):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    x, y = np.random.default_rng(0).random((2, 4, 3))
    check = gradients.gradient_check(model, x, y[:, :1], loss="mse", directions=1)
    direction = np.random.default_rng(0).normal(size=(3, 1))
    direction = (direction / np.linalg.norm(direction)).ravel()
    w = model.get_weights()[0].ravel().astype("float64")

    def loss(w):
        return np.mean((y[:, 0] - x @ w) ** 2)

    automatic = 2 * (x @ w - y[:, 0]) @ x / 4 @ direction
    ours = diagnosis.relative_error(diagnosis.slope_along(loss, w, direction), automatic)
    theirs = next(iter(check.errors.values()))
    same(diagnosis.relative_error, "kerasdl.diagnosis.gradient_check", ours, theirs, at_most=1e-8)
    assert check.right


@pytest.mark.parametrize("wrong", [1.01, -1.0])
def test_a_wrong_gradient_has_a_large_relative_error(wrong):
    theirs = abs(1 - wrong) / (1 + abs(wrong))
    assert diagnosis.relative_error(1.0, wrong) == pytest.approx(theirs) and theirs > 1e-4


@pytest.mark.rows("E-79")
def test_run_eagerly_runs_layers_eagerly():
    seen = []

    class Watched(keras.layers.Layer):
        def call(self, x):
            seen.append(tf.executing_eagerly())
            return x

    model = keras.Sequential([keras.Input((2,)), Watched(), keras.layers.Dense(1)])
    seen.clear()
    model.compile(loss="mse", run_eagerly=True)
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    assert seen and all(seen)
