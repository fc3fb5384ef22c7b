"""Generative models, compared with PyTorch, the package's learners and GradientTape."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize, stats

from kerasdl.formulas import generative
from kerasdl.formulas.activations import sigmoid
from kerasdl.layers.sampling import Sampling
from kerasdl.learners import dcgan
from kerasdl.learners.vae import VAE
from kerasdl.metrics.modes import ModesCovered

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def theirs():
    return dict(np.load(REFERENCE / "vae_elbo.npz"))


def test_reparameterization_equals_the_reference(theirs, same):
    z = generative.reparameterize(theirs["mu"], theirs["logvar"], theirs["eps"])
    same(generative.reparameterize, "torch (fixture)", z, theirs["z"])
    assert generative.reparameterize(1.0, np.log(4), 0.5) == pytest.approx(2)


@pytest.mark.rows("E-70")
def test_reparameterization_equals_the_sampling_layer_and_has_gradients(same):
    mean, log_variance = tf.Variable([[1.0]]), tf.Variable([[np.log(4.0)]], dtype=tf.float32)
    layer = Sampling(seed=0)
    with tf.GradientTape() as tape:
        z = layer([mean, log_variance], training=True)
    noise = (z - 1) / 2
    by_mean, by_log_variance = tape.gradient(z, [mean, log_variance])
    ours = generative.reparameterize(1.0, np.log(4), noise.numpy())
    same(generative.reparameterize, "kerasdl.layers.Sampling", ours, z)
    assert float(by_mean[0, 0]) == 1
    np.testing.assert_allclose(by_log_variance, 0.5 * 2 * noise, rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "variance", "expected"),
    [(0, 1, 0), (1, 1, 0.5), (0, np.e, 0.359141), (0, 4, 0.806853), (2, 0.25, 2.318147)],
)
def test_kl_has_known_values_and_equals_a_monte_carlo_estimate(mean, variance, expected):
    kl = generative.kl_to_standard_normal(np.array([float(mean)]), np.log([variance]))
    assert kl == pytest.approx(expected, abs=1e-6)
    noise = np.random.default_rng(0).normal(size=400_000)
    z = generative.reparameterize(mean, np.log(variance), noise)
    # log q(z) - log p(z), where the terms (log 2 pi) / 2 cancel
    estimate = np.mean(z**2 - noise**2 - np.log(variance)) / 2
    assert estimate == pytest.approx(expected, rel=0.02, abs=1e-9)


@pytest.mark.parametrize(("beta", "name"), [(1.0, "elbo"), (4.0, "beta4")])
def test_elbo_and_its_parts_equal_the_reference(theirs, beta, name, same):
    kl = generative.kl_to_standard_normal(theirs["mu"], theirs["logvar"])
    likelihood = generative.bernoulli_log_likelihood(theirs["x"], theirs["dec_logits"])
    torch = "torch.distributions.kl_divergence (fixture)"
    same(generative.kl_to_standard_normal, torch, kl, theirs["kl"])
    torch = "torch.nn.functional.binary_cross_entropy_with_logits (fixture)"
    same(generative.bernoulli_log_likelihood, torch, -likelihood, theirs["bce"])
    ours = generative.elbo(likelihood, kl, beta)
    same(generative.elbo, "torch (fixture)", ours, theirs[name])


@pytest.mark.rows("E-11")
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_loss_of_the_vae_is_the_negative_elbo(likelihood, same):
    """With the opposite sign, training would make reconstructions worse."""
    keras.utils.set_random_seed(0)
    model = VAE.create(latent_dim=2, widths=(4,), beta=3.0, likelihood=likelihood,
                       input_shape=(2, 2, 1))  # fmt: skip
    x = np.random.default_rng(0).random((5, 2, 2, 1)).astype("float32")
    y = {name: value.numpy() for name, value in model(x, training=True).items()}
    formula = getattr(generative, f"{likelihood}_log_likelihood")
    flat = [np.reshape(value, (5, 4)) for value in (x, y["logits"])]
    kl = generative.kl_to_standard_normal(y["mean"], y["log_variance"])
    ours = -np.mean(generative.elbo(formula(*flat), kl, beta=3.0))
    theirs = model.compute_loss(x, y_pred=y)
    for proven in (formula, generative.kl_to_standard_normal, generative.elbo):
        same(proven, "kerasdl.learners.VAE", ours, theirs)
    assert np.all(kl >= 0) and kl.max() > 0


@pytest.mark.rows("E-71")
def test_gaussian_likelihood_equals_the_reference_and_scipy(theirs, same):
    formula = generative.gaussian_log_likelihood
    x, mean = theirs["x"], theirs["dec_logits"]
    same(formula, "torch (fixture)", -formula(x, mean), theirs["gauss_nll"])
    logs = stats.norm.logpdf(x, mean).sum(axis=-1)
    same(formula, "scipy.stats.norm", formula(x, mean), logs)


def test_no_discriminator_is_better_than_the_optimal_one(same):
    p_data, p_generator = np.random.default_rng(0).dirichlet(np.full(6, 5.0), size=2)

    def value(d):
        return np.sum(p_data * np.log(d)) + np.sum(p_generator * np.log(1 - d))

    best = generative.optimal_discriminator(p_data, p_generator)
    found = [
        optimize.minimize_scalar(
            lambda d, p=p, q=q: -p * np.log(d) - q * np.log(1 - d), bounds=(1e-6, 1 - 1e-6),
            method="bounded", options={"xatol": 1e-9},
        ).x
        for p, q in zip(p_data, p_generator, strict=True)
    ]  # fmt: skip
    name = "scipy.optimize.minimize_scalar"
    same(generative.optimal_discriminator, name, best, found, at_most=1e-5)
    for change in (-1e-3, 1e-3):
        for i in range(6):
            other = best.copy()
            other[i] += change
            assert value(other) < value(best)
    np.testing.assert_allclose(generative.optimal_discriminator(p_data, p_data), 0.5)


def test_losses_at_equilibrium():
    assert generative.minimax_value(0.5, 0.5) == pytest.approx(-2 * np.log(2))
    assert generative.discriminator_loss(0.5, 0.5) == pytest.approx(2 * np.log(2))
    assert generative.generator_loss(0.5) == pytest.approx(np.log(2))
    assert generative.generator_loss(0.5, saturating=True) == pytest.approx(-np.log(2))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_equal_those_of_dcgan(smoothing, same):
    real, fake = np.random.default_rng(0).normal(size=(2, 20)).astype("float32")
    theirs = dcgan.cross_entropy(1 - smoothing, real) + dcgan.cross_entropy(0.0, fake)
    ours = generative.discriminator_loss(sigmoid(real), sigmoid(fake), smoothing)
    name = "kerasdl.learners.DCGAN"
    same(generative.discriminator_loss, name, ours, keras.ops.mean(theirs))
    if not smoothing:
        value = -generative.minimax_value(sigmoid(real), sigmoid(fake))
        same(generative.minimax_value, name, value, keras.ops.mean(theirs))
    theirs = keras.ops.mean(dcgan.cross_entropy(1.0, fake))
    same(generative.generator_loss, name, generative.generator_loss(sigmoid(fake)), theirs)


def test_smallest_loss_with_a_smoothed_label_is_its_entropy():
    d = np.linspace(1e-4, 1 - 1e-4, 9999)
    losses = [generative.discriminator_loss(each, 0.0, label_smoothing=0.1) for each in d]
    assert d[np.argmin(losses)] == pytest.approx(0.9, abs=1e-3)
    assert min(losses) == pytest.approx(0.3251, abs=1e-4)


@pytest.mark.parametrize("saturating", [False, True])
def test_generator_slope_is_the_derivative_by_the_logit(saturating, same):
    logits = tf.Variable(np.linspace(-5, 5, 11))
    with tf.GradientTape() as tape:
        d = tf.sigmoid(logits)
        losses = tf.math.log(1 - d) if saturating else -tf.math.log(d)
    expected = tape.gradient(losses, logits)
    ours = generative.generator_slope(sigmoid(logits.numpy()), saturating)
    same(generative.generator_slope, "tf.GradientTape", ours, expected, at_most=1e-9)


def test_generator_loss_falls_as_the_discriminators_output_rises():
    losses = [generative.generator_loss(d) for d in (0.1, 0.2, 0.4, 0.6, 0.9)]
    np.testing.assert_allclose(losses, [2.3026, 1.6094, 0.9163, 0.5108, 0.1054], atol=1e-4)


@pytest.mark.rows("E-69")
def test_modes_are_covered_by_points_near_them(same):
    angle = 2 * np.pi * np.arange(8) / 8
    centers = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.repeat(centers[:5], 20, axis=0)
    assert generative.modes_covered(points, centers, 0.1).tolist() == [True] * 5 + [False] * 3
    few = np.concatenate([points, centers[5:6]])  # 1 of 101 points
    assert generative.modes_covered(few, centers, 0.1, fraction=0.02).sum() == 5
    assert generative.modes_covered(points + 3, centers, 0.1).sum() == 0
    metric = ModesCovered(centers, 0.1, fraction=0.02)
    metric.update_state(few)
    ours = generative.modes_covered(few, centers, 0.1, fraction=0.02).sum()
    same(generative.modes_covered, "kerasdl.metrics.ModesCovered", ours, metric.result(), 0)


@pytest.mark.rows("E-34")
def test_batch_normalization_does_not_prevent_mode_collapse():
    """With a fixed discriminator that prefers one point, all outputs move there."""
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(16), keras.layers.BatchNormalization(), keras.layers.ReLU()
    generator = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(1)])
    noise = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    centers = np.quantile(generator(noise, training=True), [[0.2], [0.8]])
    apart = float(centers[1, 0] - centers[0, 0])

    def covered():
        points = generator(noise, training=True).numpy()
        return generative.modes_covered(points, centers, apart / 3, fraction=0.1).tolist()

    assert covered() == [True, True]
    bound = [generator(noise[:n], training=True)[0, 0] for n in (32, 64)]
    assert abs(float(bound[0] - bound[1])) > 1e-3  # the same noise in another batch
    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(150):
        with tf.GradientTape() as tape:
            likes = -((generator(noise, training=True) - centers[1]) ** 2)
            loss = tf.reduce_mean(tf.nn.softplus(-likes))
        gradients = tape.gradient(loss, generator.trainable_variables)
        optimizer.apply(gradients, generator.trainable_variables)
    assert covered() == [False, True]
    assert generator(noise, training=True).numpy().std() < apart / 10
