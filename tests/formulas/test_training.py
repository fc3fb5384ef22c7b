"""Training strategies: formulas against Keras, TensorFlow and SciPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import training


def test_inverse_sigmoid_is_a_sigmoid_of_scipy(same):
    from scipy import special

    i, k = np.arange(200), 10
    ours = training.scheduled_sampling(i, k)
    same(training.scheduled_sampling, "scipy.special.expit", ours, special.expit(np.log(k) - i / k))


def test_other_ways_to_let_go_of_the_truth_are_schedules_of_keras(same):
    i, schedules = np.arange(200), keras.optimizers.schedules
    theirs = schedules.PolynomialDecay(1.0, 80, 0.2)
    ours = training.scheduled_sampling_linear(i, 0.01, 0.2)
    name = "keras.optimizers.schedules.PolynomialDecay"
    same(training.scheduled_sampling_linear, name, ours, [theirs(step) for step in i])
    theirs = schedules.ExponentialDecay(1.0, 1, 0.97)
    ours = training.scheduled_sampling_exponential(i, 0.97)
    name = "keras.optimizers.schedules.ExponentialDecay"
    same(training.scheduled_sampling_exponential, name, ours, [theirs(step) for step in i])


def test_a_curriculum_begins_with_the_easiest_and_ends_with_all(same):
    difficulty = np.random.default_rng(0).permutation(10)
    sizes = []
    for stage in (1, 2, 3):
        ours = training.curriculum(difficulty, stage, 3)
        theirs = tf.math.top_k(-difficulty, len(ours)).indices
        same(training.curriculum, "tf.math.top_k", ours, theirs)
        assert np.all(np.diff(difficulty[ours]) >= 0)
        sizes.append(len(ours))
    assert sizes == [4, 7, 10]


def test_accumulated_gradients_are_what_keras_applies_and_those_of_the_large_batch(same):
    x, y = np.random.default_rng(0).normal(size=(2, 32, 3))
    y = y[:, :1]

    def gradient(w, x, y):
        return 2 * x.T @ (x @ w - y) / len(x)

    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=4)
    variable = keras.Variable(np.zeros((3, 1)), dtype="float32")
    quarters = zip(np.split(x, 4), np.split(y, 4), strict=True)
    parts = [gradient(np.zeros((3, 1)), *part) for part in quarters]
    for part in parts:
        optimizer.apply([tf.constant(part, "float32")], [variable])
    ours = training.accumulate(parts)
    name = "keras.optimizers.SGD(gradient_accumulation_steps=4)"
    same(training.accumulate, name, -ours, variable)
    np.testing.assert_allclose(ours, gradient(np.zeros((3, 1)), x, y))


@pytest.mark.parametrize("batches", [1, 4])
def test_a_scaled_rate_goes_as_far_as_the_small_steps_did(batches, same):
    variables = [keras.Variable([1.0]), keras.Variable([1.0])]
    rate = training.linear_scaling(0.1, 32 * batches, 32)
    small, large = keras.optimizers.SGD(0.1), keras.optimizers.SGD(rate)
    for _ in range(batches):
        small.apply([tf.constant([0.3])], variables[:1])
    large.apply([tf.constant([0.3])], variables[1:])
    name = "keras.optimizers.SGD, step after step"
    same(training.linear_scaling, name, variables[1], variables[0])
