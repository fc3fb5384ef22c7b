"""Wasserstein GANs, compared with SciPy's distance, Keras and GradientTape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasdl.formulas import wasserstein


@pytest.fixture
def heaps():
    return np.random.default_rng(0).normal(size=(2, 40)) * [[1], [2]] + [[0], [1.5]]


def test_distance_equals_scipy(heaps, same):
    formula = wasserstein.wasserstein_distance
    theirs = stats.wasserstein_distance(*heaps)
    same(formula, "scipy.stats.wasserstein_distance", formula(*heaps), theirs)


def test_the_best_1_lipschitz_critic_gives_the_distance(heaps, same):
    """Kantorovich-Rubinstein: f' is the sign of the difference of the two CDFs."""
    x, y = heaps
    places = np.sort(np.concatenate(heaps))
    below = [np.searchsorted(np.sort(heap), places, "right") for heap in heaps]
    rises = np.sign(np.subtract(*below))[:-1] * np.diff(places)
    f = np.concatenate([[0], -np.cumsum(rises)])
    values = [f[np.searchsorted(places, heap)] for heap in (x, y)]
    ours = np.abs(wasserstein.critic_loss(*values))
    theirs = stats.wasserstein_distance(x, y)
    same(wasserstein.critic_loss, "scipy.stats.wasserstein_distance", ours, theirs)
    simple = wasserstein.critic_loss(-np.array([0, 1, 3]), -np.array([5, 6, 8]))
    assert simple == -5 == -wasserstein.wasserstein_distance([0, 1, 3], [5, 6, 8])


def test_generator_loss_has_the_negated_gradient_of_the_critic_loss(heaps, same):
    fake = tf.Variable(heaps[1])
    with tf.GradientTape(persistent=True) as tape:
        critic = tf.reduce_mean(tf.sin(fake)) - tf.reduce_mean(tf.sin(heaps[0]))
        ours = -tf.reduce_mean(tf.sin(fake))
    np.testing.assert_allclose(tape.gradient(ours, fake), -tape.gradient(critic, fake))
    found = wasserstein.generator_loss(np.sin(heaps[1]))
    same(wasserstein.generator_loss, "tf.reduce_mean", found, ours)


def test_weight_clipping_equals_keras(heaps, same):
    ours = wasserstein.clip_weights(heaps)
    same(wasserstein.clip_weights, "keras.ops.clip", ours, keras.ops.clip(heaps, -0.01, 0.01))


def test_gradient_penalty_equals_gradient_tape(same):
    generator = np.random.default_rng(0)
    real, fake = generator.normal(size=(2, 5, 4)).astype("float32")
    mix = generator.random((5, 1)).astype("float32")
    critic = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6, "tanh"), keras.layers.Dense(1)]
    )
    x = tf.Variable(mix * real + (1 - mix) * fake)
    with tf.GradientTape() as tape:
        value = critic(x)
    (w, b), (v, _) = (layer.get_weights() for layer in critic.layers)
    slopes = ((1 - np.tanh(x.numpy() @ w + b) ** 2) * v[:, 0]) @ w.T
    theirs = 10 * tf.reduce_mean((tf.norm(tape.gradient(value, x), axis=1) - 1) ** 2)
    ours = wasserstein.gradient_penalty(slopes)
    same(wasserstein.gradient_penalty, "tf.GradientTape through keras.layers.Dense", ours, theirs)
