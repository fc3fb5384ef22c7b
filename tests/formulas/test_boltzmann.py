"""Restricted Boltzmann machines, compared with scikit-learn and GradientTape."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from sklearn import neural_network

from kerasdl.formulas import boltzmann

RBM = np.load(pathlib.Path(__file__).parents[1] / "reference" / "rbm.npz")
V, W, BV, BH = RBM["V"].astype(float), RBM["W"].T, RBM["bv"], RBM["bh"]


def test_probabilities_and_energies_equal_scikit_learn(same):
    name = "sklearn.neural_network.BernoulliRBM (fixture)"
    same(boltzmann.hidden_probability, name, boltzmann.hidden_probability(V, W, BH), RBM["p_h"])
    ours = boltzmann.free_energy(V, W, BV, BH)
    same(boltzmann.free_energy, name, ours, RBM["free_energy"])
    np.testing.assert_allclose(-ours - RBM["logZ"], RBM["logp"], atol=1e-6)


@pytest.fixture
def machine():
    machine = neural_network.BernoulliRBM(5, random_state=0)
    machine.components_, machine.intercept_hidden_, machine.intercept_visible_ = W.T, BH, BV
    return machine


def test_pseudo_likelihood_equals_scikit_learn(machine, same):
    theirs = machine.score_samples(V)
    places = np.random.RandomState(0).randint(0, V.shape[1], len(V))
    ours = boltzmann.pseudo_likelihood(V, places, W, BV, BH)
    name = "sklearn.neural_network.BernoulliRBM.score_samples"
    same(boltzmann.pseudo_likelihood, name, ours, theirs)


def test_contrastive_divergence_is_the_gradient_of_two_free_energies(same):
    generator = np.random.default_rng(0)
    hidden, visible = generator.random((20, 5)), generator.random((20, 12))
    h = (hidden < boltzmann.hidden_probability(V, W, BH)) * 1.0
    made = (visible < boltzmann.hidden_probability(h, W.T, BV)) * 1.0
    w, b_v, b_h = (tf.Variable(value) for value in (W, BV, BH))

    def energy(v):
        on = tf.reduce_sum(tf.math.softplus(v @ w + b_h), axis=-1)
        return tf.reduce_mean(-tf.linalg.matvec(tf.constant(v), b_v) - on)

    with tf.GradientTape() as tape:
        loss = energy(V) - energy(made)
    theirs = [-gradient for gradient in tape.gradient(loss, [w, b_v, b_h])]
    ours = boltzmann.contrastive_divergence(V, W, BV, BH, hidden, visible)
    same(boltzmann.contrastive_divergence, "tf.GradientTape", ours, theirs)


def test_training_makes_the_data_more_likely_than_noise():
    generator = np.random.default_rng(0)
    data = np.repeat(np.eye(2)[generator.integers(0, 2, 200)], 6, axis=1)  # a half is on
    w, b_v, b_h = generator.normal(0, 0.01, (12, 5)), np.zeros(12), np.zeros(5)
    places = generator.integers(0, 12, 200)
    before = boltzmann.pseudo_likelihood(data, places, w, b_v, b_h).mean()
    for _ in range(200):
        draws = generator.random((200, 5)), generator.random((200, 12))
        steps = boltzmann.contrastive_divergence(data, w, b_v, b_h, *draws)
        w, b_v, b_h = (a + 0.2 * b for a, b in zip((w, b_v, b_h), steps, strict=True))
    noise = generator.integers(0, 2, (200, 12)) * 1.0
    energies = [boltzmann.free_energy(v, w, b_v, b_h).mean() for v in (data, noise)]
    assert energies[0] < energies[1] - 2
    assert boltzmann.pseudo_likelihood(data, places, w, b_v, b_h).mean() > before + 3
