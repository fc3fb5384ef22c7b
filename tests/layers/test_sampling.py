"""Sampling, z = mean + exp(log_variance / 2) e: moments, gradients, the mean at inference."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.layers import Sampling
from kerasdl.layers.noise import replica_normal

MEAN = np.full((20_000, 1), 1.0, "float32")
LOG_VARIANCE = np.full((20_000, 1), np.log(4.0), "float32")


@pytest.mark.rows("AEN-13")
def test_samples_have_the_given_mean_and_variance():
    samples = keras.ops.convert_to_numpy(Sampling(seed=0)([MEAN, LOG_VARIANCE], training=True))
    np.testing.assert_allclose([samples.mean(), samples.std()], [1.0, 2.0], atol=0.03)


def test_noise_differs_between_calls_and_repeats_with_the_seed():
    first, again = Sampling(seed=7), Sampling(seed=7)
    a, b = (first([MEAN, LOG_VARIANCE], training=True) for _ in range(2))
    assert not np.allclose(a, b)
    np.testing.assert_array_equal(a, again([MEAN, LOG_VARIANCE], training=True))


@pytest.mark.rows("AEN-15")
def test_gradients_of_mean_and_log_variance():
    mean, log_variance = tf.constant([[1.0]]), tf.constant([[np.log(4.0)]], "float32")
    with tf.GradientTape() as tape:
        tape.watch([mean, log_variance])
        z = Sampling(seed=0)([mean, log_variance], training=True)
    by_mean, by_log_variance = tape.gradient(z, [mean, log_variance])
    # dz/dm = 1 and dz/dlog s^2 = s e / 2 = (z - m) / 2
    np.testing.assert_allclose(by_mean, [[1.0]])
    np.testing.assert_allclose(by_log_variance, (z - mean) / 2, rtol=1e-6)


def test_inference_returns_the_mean():
    np.testing.assert_array_equal(Sampling()([MEAN, LOG_VARIANCE]), MEAN)


def test_noise_of_one_replica_equals_random_normal():
    noise = replica_normal((3, 2), 5)
    np.testing.assert_array_equal(noise, keras.random.normal((1, 3, 2), seed=5)[0])
