"""Data-parallel training, compared with a simulation, TensorFlow and random samples."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from kerasdl.formulas import data_parallel

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_ring_all_reduce_sums_and_sends_the_bytes_of_the_formula(workers, same):
    vectors = RANDOM.normal(size=(workers, 840))
    sums, sent = data_parallel.ring_all_reduce(vectors)
    theirs = [tf.reduce_sum(vectors, axis=0)] * workers
    same(data_parallel.ring_all_reduce, "tf.reduce_sum", list(sums), theirs)
    ours = data_parallel.ring_bytes(workers, 840)
    same(data_parallel.ring_bytes, "ring_all_reduce, simulated", ours, sent)
    ours = data_parallel.ring_seconds(workers, 840, bandwidth=100, latency=0.5)
    theirs = sent / 100 + 0.5 * 2 * (workers - 1)
    same(data_parallel.ring_seconds, "ring_all_reduce, simulated, and its rounds", ours, theirs)


def test_weighted_mean_of_gradients_equals_the_gradient_of_the_batch(same):
    layer = keras.layers.Dense(3)
    x, y = RANDOM.normal(size=(7, 4)).astype("float32"), RANDOM.normal(size=(7, 3))

    def gradient(rows):
        with tf.GradientTape() as tape:
            loss = keras.losses.MeanSquaredError()(y[rows], layer(x[rows]))
        return tape.gradient(loss, layer.trainable_variables[0].value).numpy()

    layer.build((None, 4))
    parts = [slice(0, 4), slice(4, 6), slice(6, 7)]
    mean = data_parallel.mean_of_parts([gradient(part) for part in parts], [4, 2, 1])
    same(data_parallel.mean_of_parts, "tf.GradientTape", mean, gradient(slice(0, 7)))


@pytest.mark.parametrize("workers", [1, 2, 8, 100, 1024])
def test_slowest_of_normal_times(workers, same):
    drawn = RANDOM.normal(2.0, 0.3, size=(4000, workers)).max(axis=1).mean()
    ours = data_parallel.slowest(workers, 2.0, 0.3)
    same(data_parallel.slowest, "largest of random normal numbers", ours, drawn, at_most=0.02)
    density = stats.norm(2.0, 0.3)
    at = np.linspace(0, 4, 20_001)
    largest = at * workers * density.pdf(at) * density.cdf(at) ** (workers - 1)
    theirs = integrate.trapezoid(largest, at)
    same(data_parallel.slowest, "scipy.integrate.trapezoid", ours, theirs, at_most=0.01)


def test_step_seconds(same):
    formula = data_parallel.step_seconds
    assert formula(1, 0.1, 0.02, [1e6], 1e9, 1e-3) == pytest.approx(0.1)
    workers, sizes = 8, np.array([1e6, 3e5])
    drawn = RANDOM.normal(0.1, 0.02, size=(20_000, workers)).max(axis=1).mean()
    sends = 2 * (workers - 1) * (1e-3 + sizes / workers / 1e9)
    ours = formula(workers, 0.1, 0.02, sizes, 1e9, 1e-3)
    same(formula, "random normal numbers and messages", ours, drawn + sends.sum(), at_most=0.01)
