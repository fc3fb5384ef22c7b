"""The doctor finds the problem of each broken run, and nothing in healthy runs."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.diagnosis import flowchart
from tests.diagnosis.runs import BRIEF, UNTRAINED, VX, VY, X, Y, dense, found, network, run

layers = keras.layers


def healthy_cnn():
    return run(lambda: network(layers.Conv2D(16, 3, activation="relu"), *dense(32)), epochs=10)


def healthy_deep():
    return run(lambda: network(*dense(64, 64, 64), layers.Dropout(0.2)), epochs=12)


def nan():
    return run(lambda: network(*dense(32)), rate=1e30, **BRIEF)


def nan_in_the_data():
    x = X.copy()
    x[::7, 3] = np.nan
    return run(lambda: network(*dense(32)), x=x, **UNTRAINED)


def pixels_to_many_thousands():
    return run(lambda: network(*dense(32)), x=X * 25500, vx=VX * 25500, **UNTRAINED)


def one_label():
    return run(lambda: network(*dense(32)), y=Y * 0 + 3, **UNTRAINED)


def nine_in_ten_of_one_class():
    rows = np.r_[np.flatnonzero(Y == 1)[:80], np.flatnonzero(Y != 1)[:9]]
    return run(lambda: network(*dense(32)), x=X[rows], y=Y[rows], batch=8, epochs=1)


def sorted_by_label():
    order = np.argsort(Y)
    return run(lambda: network(*dense(32)), x=X[order], y=Y[order], shuffle=False, **UNTRAINED)


def validation_from_training():
    return run(
        lambda: network(*dense(32)), vx=np.r_[VX, X[:200]], vy=np.r_[VY, Y[:200]], **UNTRAINED
    )


def labels_shuffled():
    y = np.random.default_rng(0).permutation(Y)
    return run(lambda: network(*dense(128)), y=y, epochs=15)


def labels_shuffled_with_some_luck():
    """A quarter of the few validation examples are correct by chance, but their loss is high."""
    y = np.random.default_rng(2).permutation(Y)
    return run(lambda: network(*dense(64, 64)), y=y)


def everything_frozen():
    def make():
        model = network(*dense(32))
        model.trainable = False
        return model

    return run(make, **UNTRAINED)


def softmax_and_logits():
    return run(lambda: network(*dense(32), last="softmax"), **UNTRAINED)


def logits_as_probabilities():
    return run(lambda: network(*dense(32)), loss="sparse_categorical_crossentropy", **UNTRAINED)


def constants_at_the_start():
    same = {"kernel_initializer": keras.initializers.Constant(0.02)}
    return run(lambda: network(*dense(32, **same), **same), **UNTRAINED)


def biases_far_below_zero():
    start = keras.initializers.Constant(-20.0)
    return run(lambda: network(*dense(64, bias_initializer=start), *dense(32)[1:]), **UNTRAINED)


def twelve_sigmoids():
    return run(lambda: network(*dense(*[32] * 12, activation="sigmoid")), **UNTRAINED)


def cut_off():
    stop = layers.Lambda(tf.stop_gradient)
    return run(lambda: network(*dense(32), stop), **UNTRAINED)


def large_weights():
    start = keras.initializers.RandomNormal(stddev=3.0, seed=0)
    return run(lambda: network(*dense(64, 64, 64, kernel_initializer=start)), **UNTRAINED)


def far_too_fast():
    return run(lambda: network(*dense(64, activation="tanh")), rate=1.0)


def sure_of_what_is_wrong():
    """The loss falls, but only from 75 to 30; guessing gives 2.3."""
    return run(lambda: network(*dense(64, 64, activation="tanh")), rate=1.0, epochs=6)


def far_too_slow():
    return run(lambda: network(*dense(64)), rate=3e-6, epochs=3)


def one_unit():
    return run(lambda: network(*dense(1, activation="tanh")), rate=0.03, epochs=15)


def few_examples():
    wide = lambda: network(*dense(256, 256))  # noqa: E731
    noisy = Y[:80].copy()
    noisy[::4] = np.random.default_rng(0).integers(0, 10, 20)
    return run(wide, x=X[:80], y=noisy, epochs=40)


def averages_that_lag():
    slow = layers.BatchNormalization
    return run(
        lambda: network(*dense(64), slow(momentum=0.9999), *dense(32)[1:], slow(momentum=0.9999)),
        epochs=6,
    )


class Standardize(layers.Layer):
    """A batch normalization that does nothing at inference, which is a mistake."""

    def call(self, inputs, training=False):
        deviation = keras.ops.std(inputs, axis=0) + 1e-3
        return (inputs - keras.ops.mean(inputs, axis=0)) / deviation if training else inputs


def normalized_in_training_only():
    parts = [layers.Flatten()]
    for _ in range(2):
        parts += [layers.Dense(64, bias_initializer="ones"), Standardize(), layers.ReLU()]
    return run(lambda: network(*parts), rate=0.01, epochs=5)


def slow_data():
    def wait(x, y):
        tf.py_function(lambda: time.sleep(0.2), [], [])
        return x, y

    return run(lambda: network(*dense(32)), epochs=25, batch=512, slow=wait, rate=0.01)


BROKEN = {
    nan: "the loss is NaN or infinite",
    nan_in_the_data: "NaN or infinite inputs",
    pixels_to_many_thousands: "inputs not scaled",
    one_label: "only one class",
    nine_in_ten_of_one_class: "imbalanced classes",
    sorted_by_label: "data not shuffled",
    validation_from_training: "validation data seen in training",
    labels_shuffled: "labels unrelated to inputs",
    labels_shuffled_with_some_luck: "labels unrelated to inputs",
    everything_frozen: "nothing to train",
    softmax_and_logits: "softmax twice",
    logits_as_probabilities: "logits taken for probabilities",
    constants_at_the_start: "identical units",
    biases_far_below_zero: "dead units",
    twelve_sigmoids: "vanishing gradients",
    cut_off: "no gradients",
    large_weights: "exploding gradients",
    far_too_fast: "learning rate too high",
    sure_of_what_is_wrong: "learning rate too high",
    far_too_slow: "learning rate too low",
    one_unit: "underfitting: too little capacity",
    few_examples: "overfitting",
    averages_that_lag: "outdated batch normalization averages",
    normalized_in_training_only: "training and evaluation differ",
    slow_data: "waiting for data",
}


SLOW = (labels_shuffled_with_some_luck, sure_of_what_is_wrong)  # others are like them


# Keras warns of three of these runs
@pytest.mark.rows("DBG-01", "REG-19")
@pytest.mark.filterwarnings(
    "ignore:The model does not have any trainable",
    "ignore:.*produced by a Softmax activation",
    "ignore:Gradients do not exist",
)
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(*row, marks=pytest.mark.slow if row[0] in SLOW else (), id=row[0].__name__)
        for row in BROKEN.items()
    ],
)
def test_the_problem_of_a_broken_run_is_found(make, expected):
    finding = found(make())
    assert finding.name == expected, str(finding)


@pytest.mark.parametrize("make", [healthy_cnn, healthy_deep])
def test_a_healthy_run_has_no_finding(make):
    answers = diagnosis.doctor(make())
    assert not list(filter(None, answers.values()))
    assert set(answers) == set(flowchart.QUESTIONS)
    assert answers.finding is None


@pytest.mark.slow  # traces and sweeps four times
def test_suggestions_of_repeated_sweeps_are_in_range():
    case = run(lambda: network(*dense(64, 64)), rate=3e-6, **UNTRAINED)
    sweep = {"low": 1e-6, "high": 10.0, "steps": 80}
    rates = [diagnosis.lr_find(case.fresh(), case.train, **sweep).suggestion for _ in range(4)]
    assert all(suggestion and 1e-3 < suggestion < 0.1 for suggestion in rates), rates
