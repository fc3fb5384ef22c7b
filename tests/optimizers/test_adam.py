"""Adam and AdamW equal Keras's, with fewer operations in the graph."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import optimizers

STEPS = 24
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(STEPS * 8, 6, 2)).astype("float32")
CLASSES = RANDOM.integers(0, 3, STEPS * 8)
OPTIONS = {
    "defaults": {},
    "weight decay": {"weight_decay": 0.1},
    "other constants": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    "clipped": {"clipnorm": 0.1},
    "clipped together": {"global_clipnorm": 0.1},
    "averaged": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5},
    "accumulated": {"gradient_accumulation_steps": 3, "weight_decay": 0.1},
    "scaled": {"loss_scale_factor": 128.0},
    "amsgrad": {"amsgrad": True},
}


def network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 2)),
            layers.Conv1D(5, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def schedule():
    return keras.optimizers.schedules.CosineDecay(0.0, STEPS, warmup_target=1e-3, warmup_steps=6)


def train(optimizer, build=True, **options):
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)
    if build:  # else `fit` does, and traces twice
        model.optimizer.build(model.trainable_variables)
    model.fit(X, CLASSES, batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model


def assert_equal(ours, theirs, atol=4e-7):
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=atol)
    for one, other in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        # 1 - 0.999 is 0.00099999 for the kernel, which subtracts in single precision
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=atol)


@pytest.mark.parametrize(
    ("kind", "name"), [("Adam", "defaults"), *(("AdamW", name) for name in OPTIONS)]
)
def test_weights_equal_those_of_keras(kind, name):
    ours, theirs = (
        train(getattr(package, kind)(schedule(), **OPTIONS[name]), build=kind == "AdamW")
        for package in (optimizers, keras.optimizers)
    )
    assert_equal(ours, theirs)


@pytest.mark.parametrize(
    "how", [{"run_eagerly": True}, pytest.param({"jit_compile": True}, marks=pytest.mark.slow)]
)
def test_weights_equal_those_of_keras_in_eager_mode_and_compiled(how):
    options = {"weight_decay": 0.1}
    ours, theirs = (
        train(optimizer(schedule(), **options), **how)
        for optimizer in (optimizers.AdamW, keras.optimizers.AdamW)
    )
    assert_equal(ours, theirs)


def test_weights_equal_those_of_keras_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")  # loss scaling wraps the optimizer
    ours, theirs = (
        train(optimizer(schedule(), weight_decay=0.1))
        for optimizer in (optimizers.AdamW, keras.optimizers.AdamW)
    )
    # weights that differ in the last bit may be rounded to different numbers of float16
    assert_equal(ours, theirs, atol=2e-5)


def test_weights_are_excluded_from_decay():
    ours, theirs = optimizers.AdamW(1e-3, 0.1), keras.optimizers.AdamW(1e-3, 0.1)
    for optimizer in (ours, theirs):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert_equal(train(ours), train(theirs))


def test_gradients_of_a_repeated_row_are_added_before_they_are_squared():
    """Keras 3.15 squares first, so that steps of a frequent token in an embedding differ."""
    rows = tf.IndexedSlices(tf.constant([[1.0, 2], [3, -1], [1, 1]]), [0, 0, 2], [4, 2])
    weights = []
    for gradient in (rows, tf.convert_to_tensor(rows)):
        optimizer, weight = optimizers.AdamW(0.1), keras.Variable(np.ones((4, 2), "float32"))
        for _ in range(3):
            optimizer.apply([gradient], [weight])
        weights.append(weight.numpy())
    np.testing.assert_array_equal(*weights)


@pytest.mark.slow
def test_weights_on_two_devices_equal_those_of_keras():
    script = pathlib.Path(__file__).with_name("two_devices.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert "equal" in done.stdout, done.stderr


def test_learning_rate_can_be_changed_between_steps():
    optimizer, weight = optimizers.AdamW(0.1, weight_decay=0.0), keras.Variable([1.0])
    optimizer.apply([np.ones(1, "float32")], [weight])
    optimizer.learning_rate = 0.0
    optimizer.apply([np.ones(1, "float32")], [weight])
    np.testing.assert_allclose(weight, [0.9], atol=1e-6)


def test_saved_model_continues_like_an_unsaved_one(tmp_path):
    model = train(optimizers.AdamW(schedule(), weight_decay=0.1))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is optimizers.AdamW
    for each in (model, loaded):
        each.fit(X, CLASSES, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def operations(optimizer):
    """Return the number of operations in the graph of an update of fifty weights."""
    weights = [keras.Variable(np.zeros(2, "float32")) for _ in range(50)]
    optimizer.build(weights)

    @tf.function
    def step():
        optimizer.apply([tf.ones(2)] * len(weights), weights)

    graph = step.get_concrete_function().graph.as_graph_def()
    return len(graph.node) + sum(len(function.node_def) for function in graph.library.function)


def test_graph_has_a_third_of_the_operations():
    ours, theirs = (
        operations(optimizer(schedule(), weight_decay=0.1))
        for optimizer in (optimizers.AdamW, keras.optimizers.AdamW)
    )
    assert ours < theirs / 3
