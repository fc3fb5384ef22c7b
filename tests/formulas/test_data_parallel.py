"""Data-parallel formulas against the algorithm run, a whole batch's gradient and drawn numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import data_parallel

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_everyone_has_the_sum_and_sends_what_the_formula_says(workers):
    vectors = RANDOM.normal(size=(workers, 840))
    sums, sent = data_parallel.ring_all_reduce(vectors)
    np.testing.assert_allclose(sums, [vectors.sum(axis=0)] * workers, atol=1e-12)
    assert sent == pytest.approx(data_parallel.ring_bytes(workers, 840))


def test_the_mean_of_the_parts_gradients_is_the_batchs():
    layer = keras.layers.Dense(3)
    x, y = RANDOM.normal(size=(7, 4)).astype("float32"), RANDOM.normal(size=(7, 3))

    def gradient(rows):
        with tf.GradientTape() as tape:
            loss = keras.losses.MeanSquaredError()(y[rows], layer(x[rows]))
        return tape.gradient(loss, layer.trainable_variables[0].value).numpy()

    layer.build((None, 4))
    parts = [slice(0, 4), slice(4, 6), slice(6, 7)]
    mean = data_parallel.mean_of_parts([gradient(part) for part in parts], [4, 2, 1])
    np.testing.assert_allclose(mean, gradient(slice(0, 7)), atol=1e-6)


@pytest.mark.parametrize("workers", [1, 2, 8, 100, 1024])
def test_the_slowest_of_many_normal_times(workers):
    drawn = RANDOM.normal(2.0, 0.3, size=(4000, workers)).max(axis=1).mean()
    assert data_parallel.slowest(workers, 2.0, 0.3) == pytest.approx(drawn, abs=0.03)


def test_one_worker_waits_for_nobody():
    assert data_parallel.step_seconds(1, 0.1, 0.02, [1e6], 1e9, 1e-3) == pytest.approx(0.1)
