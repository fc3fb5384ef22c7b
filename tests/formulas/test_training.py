"""Training strategies, compared with Keras, TensorFlow and SciPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import data, schedules
from kerasdl.data import text
from kerasdl.data.examples import Arrays
from kerasdl.formulas import training


def test_teacher_forcing_equals_the_inputs_of_translations(same):
    source = text.pairs([("ab", "cde"), ("b", "dc")] * 10, "abcde")
    (_, delayed), target = source.train.arrays
    ours = training.teacher_forcing(target, start=1)
    same(training.teacher_forcing, "kerasdl.data.text.pairs", ours, delayed)
    assert np.all(ours[:, 1:] == target[:, :-1])


def test_professor_forcing(same):
    forced, free = np.random.default_rng(0).normal(size=(2, 20))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    ones, zeros = np.ones((20, 1)), np.zeros((20, 1))
    theirs = loss(ones, forced[:, None]) + loss(zeros, free[:, None]), loss(ones, free[:, None])
    ours = training.professor_forcing(forced, free)
    name = "keras.losses.BinaryCrossentropy"
    same(training.professor_forcing, name, list(ours), list(theirs))
    # discriminator and generator have opposite gradients for the free states
    with tf.GradientTape(persistent=True) as tape:
        logits = tf.Variable(free)
        judge = tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(logits), logits)
        decoder = tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(logits), logits)
    assert np.all(tape.gradient(judge, logits) * tape.gradient(decoder, logits) < 0)


@pytest.mark.parametrize("scale", [1.0, 2.0**15])
def test_loss_scaling_keeps_small_float16_gradients(scale, same):
    slopes = np.array([1e-8, 1e-6, 1e-3], "float32")
    w = tf.Variable(tf.ones(3))
    with tf.GradientTape() as tape:
        half = tf.cast(w, "float16")  # its gradient is computed in float16
        loss = scale * tf.reduce_sum(tf.cast(half, "float32") * slopes)
    theirs = tape.gradient(loss, w) / scale
    ours = training.through_half(slopes, scale)
    same(
        training.through_half, "tf.GradientTape in float16", 1e8 * ours, 1e8 * theirs.numpy(), 2e-3
    )
    assert (ours[0] == 0) == (scale == 1)


def test_dynamic_loss_scale_equals_keras(same):
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.0), initial_scale=8.0, dynamic_growth_steps=3
    )
    variable, ours, theirs = keras.Variable([1.0]), [], []
    scale, steps = 8.0, 0
    for gradient in (1.0, 1.0, np.inf, 1.0, 1.0, 1.0, 1.0, np.nan):
        optimizer.apply([tf.constant([gradient])], [variable])
        scale, steps = training.loss_scale(scale, np.isfinite(gradient), steps, growth_steps=3)
        ours.append(scale)
        theirs.append(float(optimizer.dynamic_scale))
    same(training.loss_scale, "keras.optimizers.LossScaleOptimizer", ours, theirs)
    assert (min(ours), max(ours)) == (4, 8)


def test_inverse_sigmoid_equals_scipys_sigmoid(same):
    from scipy import special

    i, k = np.arange(200), 10
    ours = training.scheduled_sampling(i, k)
    same(training.scheduled_sampling, "scipy.special.expit", ours, special.expit(np.log(k) - i / k))


def test_inverse_sigmoid_equals_the_packages_schedule(same):
    i = np.arange(100)
    schedule = schedules.InverseSigmoid(decay_steps=10)
    theirs = [schedule(step) for step in i]
    ours = training.scheduled_sampling(i, 10)
    same(training.scheduled_sampling, "kerasdl.schedules.InverseSigmoid", ours, theirs)


def test_linear_and_exponential_decay_equal_schedules_of_keras(same):
    i, schedules = np.arange(200), keras.optimizers.schedules
    theirs = schedules.PolynomialDecay(1.0, 80, 0.2)
    ours = training.scheduled_sampling_linear(i, 0.01, 0.2)
    name = "keras.optimizers.schedules.PolynomialDecay"
    same(training.scheduled_sampling_linear, name, ours, [theirs(step) for step in i])
    theirs = schedules.ExponentialDecay(1.0, 1, 0.97)
    ours = training.scheduled_sampling_exponential(i, 0.97)
    name = "keras.optimizers.schedules.ExponentialDecay"
    same(training.scheduled_sampling_exponential, name, ours, [theirs(step) for step in i])


def test_a_curriculum_starts_with_the_easiest_and_ends_with_all_examples(same):
    difficulty = np.random.default_rng(0).permutation(10)
    sizes = []
    for stage in (1, 2, 3):
        ours = training.curriculum(difficulty, stage, 3)
        theirs = tf.math.top_k(-difficulty, len(ours)).indices
        same(training.curriculum, "tf.math.top_k", ours, theirs)
        assert np.all(np.diff(difficulty[ours]) >= 0)
        sizes.append(len(ours))
    assert sizes == [4, 7, 10]


@pytest.mark.parametrize("epoch", range(7))
def test_curriculum_equals_the_packages_stages(epoch, same):
    difficulty = np.random.default_rng(1).permutation(10).astype(float)
    plan = data.Curriculum(difficulty, stages=3, epochs=2, ordered=True)
    places, epoch = tf.range(10, dtype="int64"), tf.constant(epoch, "int64")
    rows = plan.chooser(Arrays(np.zeros(10), np.zeros(10)), seed=0)(places, epoch)
    seen = rows.numpy()[np.diff(rows, prepend=-1) != 0]  # early stages repeat examples
    ours = training.curriculum(difficulty, min(3, 1 + int(epoch) // 2), 3)
    same(training.curriculum, "kerasdl.data.Curriculum", ours, seen)
    assert np.all(np.diff(difficulty[rows]) >= 0)


@pytest.mark.rows("E-78")
def test_accumulated_gradients_equal_keras_and_those_of_the_whole_batch(same):
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
def test_a_scaled_learning_rate_moves_as_far_as_the_small_steps(batches, same):
    variables = [keras.Variable([1.0]), keras.Variable([1.0])]
    rate = training.linear_scaling(0.1, 32 * batches, 32)
    small, large = keras.optimizers.SGD(0.1), keras.optimizers.SGD(rate)
    for _ in range(batches):
        small.apply([tf.constant([0.3])], variables[:1])
    large.apply([tf.constant([0.3])], variables[1:])
    name = "keras.optimizers.SGD, several small steps"
    same(training.linear_scaling, name, variables[1], variables[0])
