"""Generative models: formulas against PyTorch's numbers, the package's layers, and autodiff."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import generative
from kerasdl.formulas.activations import sigmoid
from kerasdl.layers.sampling import Sampling
from kerasdl.learners import dcgan

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def theirs():
    return dict(np.load(REFERENCE / "vae_elbo.npz"))


def test_reparameterization_is_the_reference_and_has_gradients(theirs):
    z = generative.reparameterize(theirs["mu"], theirs["logvar"], theirs["eps"])
    np.testing.assert_allclose(z, theirs["z"], atol=1e-6)
    assert generative.reparameterize(1.0, np.log(4), 0.5) == pytest.approx(2)


def test_reparameterization_is_what_the_sampling_layer_does():
    mean, log_variance = tf.Variable([[1.0]]), tf.Variable([[np.log(4.0)]], dtype=tf.float32)
    layer = Sampling(seed=0)
    with tf.GradientTape() as tape:
        z = layer([mean, log_variance], training=True)
    noise = (z - 1) / 2
    by_mean, by_log_variance = tape.gradient(z, [mean, log_variance])
    assert float(by_mean[0, 0]) == 1
    np.testing.assert_allclose(by_log_variance, 0.5 * 2 * noise, rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "variance", "expected"),
    [(0, 1, 0), (1, 1, 0.5), (0, np.e, 0.359141), (0, 4, 0.806853), (2, 0.25, 2.318147)],
)
def test_kl_is_the_notes_and_a_monte_carlo_estimate(mean, variance, expected):
    kl = generative.kl_to_standard_normal(np.array([float(mean)]), np.log([variance]))
    assert kl == pytest.approx(expected, abs=1e-6)
    noise = np.random.default_rng(0).normal(size=400_000)
    z = generative.reparameterize(mean, np.log(variance), noise)
    # log q(z) - log p(z), whose halves of log 2 pi cancel
    estimate = np.mean(z**2 - noise**2 - np.log(variance)) / 2
    assert estimate == pytest.approx(expected, rel=0.02, abs=1e-9)


@pytest.mark.parametrize(("beta", "name"), [(1.0, "elbo"), (4.0, "beta4")])
def test_elbo_and_its_parts_are_the_reference(theirs, beta, name):
    kl = generative.kl_to_standard_normal(theirs["mu"], theirs["logvar"])
    likelihood = generative.bernoulli_log_likelihood(theirs["x"], theirs["dec_logits"])
    np.testing.assert_allclose(kl, theirs["kl"], atol=1e-5)
    np.testing.assert_allclose(-likelihood, theirs["bce"], atol=1e-5)
    np.testing.assert_allclose(
        generative.elbo(likelihood, kl, beta), theirs[name], rtol=1e-5, atol=1e-5
    )


def test_no_discriminator_beats_the_optimal_one():
    p_data, p_generator = np.random.default_rng(0).dirichlet(np.full(6, 5.0), size=2)

    def value(d):
        return np.sum(p_data * np.log(d)) + np.sum(p_generator * np.log(1 - d))

    best = generative.optimal_discriminator(p_data, p_generator)
    for change in (-1e-3, 1e-3):
        for i in range(6):
            other = best.copy()
            other[i] += change
            assert value(other) < value(best)
    np.testing.assert_allclose(generative.optimal_discriminator(p_data, p_data), 0.5)


def test_losses_at_equilibrium_are_those_of_a_coin():
    assert generative.minimax_value(0.5, 0.5) == pytest.approx(-2 * np.log(2))
    assert generative.discriminator_loss(0.5, 0.5) == pytest.approx(2 * np.log(2))
    assert generative.generator_loss(0.5) == pytest.approx(np.log(2))
    assert generative.generator_loss(0.5, saturating=True) == pytest.approx(-np.log(2))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_are_those_of_the_dcgan(smoothing):
    real, fake = np.random.default_rng(0).normal(size=(2, 20)).astype("float32")
    theirs = dcgan.cross_entropy(1 - smoothing, real) + dcgan.cross_entropy(0.0, fake)
    ours = generative.discriminator_loss(sigmoid(real), sigmoid(fake), smoothing)
    assert ours == pytest.approx(float(keras.ops.mean(theirs)), rel=1e-5)
    theirs = keras.ops.mean(dcgan.cross_entropy(1.0, fake))
    assert generative.generator_loss(sigmoid(fake)) == pytest.approx(float(theirs), rel=1e-5)


def test_a_smoothed_label_leaves_its_entropy():
    d = np.linspace(1e-4, 1 - 1e-4, 9999)
    losses = [generative.discriminator_loss(each, 0.0, label_smoothing=0.1) for each in d]
    assert d[np.argmin(losses)] == pytest.approx(0.9, abs=1e-3)
    assert min(losses) == pytest.approx(0.3251, abs=1e-4)


@pytest.mark.parametrize("saturating", [False, True])
def test_slope_is_the_derivative_by_the_logit(saturating):
    logits = tf.Variable(np.linspace(-5, 5, 11))
    with tf.GradientTape() as tape:
        d = tf.sigmoid(logits)
        losses = tf.math.log(1 - d) if saturating else -tf.math.log(d)
    expected = tape.gradient(losses, logits)
    ours = generative.generator_slope(sigmoid(logits.numpy()), saturating)
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_the_promptings_of_the_notes_fall():
    losses = [generative.generator_loss(d) for d in (0.1, 0.2, 0.4, 0.6, 0.9)]
    np.testing.assert_allclose(losses, [2.3026, 1.6094, 0.9163, 0.5108, 0.1054], atol=1e-4)


def test_modes_are_covered_by_points_near_them():
    angle = 2 * np.pi * np.arange(8) / 8
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.repeat(centres[:5], 20, axis=0)
    assert generative.modes_covered(points, centres, 0.1).tolist() == [True] * 5 + [False] * 3
    few = np.concatenate([points, centres[5:6]])  # 1 of 101 points
    assert generative.modes_covered(few, centres, 0.1, share=0.02).sum() == 5
    assert generative.modes_covered(points + 3, centres, 0.1).sum() == 0
