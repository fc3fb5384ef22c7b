"""Diffusion, compared with diffusers, Keras and GradientTape."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import diffusion

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
BETAS = np.load(REFERENCE / "beta_schedules.npz")
NOISED = np.load(REFERENCE / "ddpm_add_noise.npz")
STEP = np.load(REFERENCE / "ddpm_step.npz")
POSITIONS = np.load(REFERENCE / "positional.npz")
NAME = "diffusers DDPMScheduler (fixture)"


def test_schedules_equal_diffusers(same):
    same(diffusion.linear_betas, NAME, diffusion.linear_betas(), BETAS["linear_betas"])
    same(diffusion.cosine_betas, NAME, diffusion.cosine_betas(), BETAS["cosine_betas"])
    same(diffusion.cosine_betas, NAME, diffusion.cosine_betas(50), BETAS["cosine_50"])
    signal = diffusion.signal_left(diffusion.linear_betas())
    same(diffusion.signal_left, NAME, signal, BETAS["linear_alphas_cumprod"])
    cosine = diffusion.cosine_signal(np.arange(1, 1000) / 1000)  # the last is clipped
    same(diffusion.cosine_signal, NAME, cosine, BETAS["cosine_alphas_cumprod"][:-1])
    assert np.all(np.diff(signal) < 0) and np.all(np.diff(cosine) < 0)
    assert signal[999] == pytest.approx(4.0358e-5, rel=1e-4)


def test_successive_steps_equal_the_closed_form(same):
    """Compare the mean and the variance for an image of ones."""
    mean, variance = 1.0, 0.0
    betas, found = diffusion.linear_betas(), []
    for beta in betas:
        mean = diffusion.forward_step(mean, beta, 0.0)
        added = diffusion.forward_step(0.0, beta, 1.0)
        kept = diffusion.forward_step(1.0, beta, 0.0)
        variance = kept**2 * variance + added**2
        found.append((mean**2, variance))
        assert kept**2 + added**2 == pytest.approx(1)  # keeps a variance of 1
    signal = BETAS["linear_alphas_cumprod"]
    same(diffusion.forward_step, NAME, np.array(found), np.stack([signal, 1 - signal], axis=1))


def test_noising_equals_diffusers_and_can_be_inverted(same):
    x, noise = NOISED["x0"], NOISED["noise"]
    signal = diffusion.signal_left(diffusion.linear_betas())[NOISED["t"]].reshape(-1, 1, 1, 1)
    ours = diffusion.noised(x, signal, noise)
    same(diffusion.noised, NAME, ours, NOISED["xt"])
    back = diffusion.original(NOISED["xt"].astype("float64"), signal, noise)
    lit = signal.ravel() > 1e-3  # a weaker signal has too few digits left
    same(diffusion.original, "the original image", back[lit], x[lit], at_most=1e-5)


def test_loss_equals_keras_squared_error(same):
    noise, predicted = np.random.default_rng(0).normal(size=(2, 40, 50)).astype("float32")
    theirs = keras.losses.MeanSquaredError()(noise, predicted)
    ours = diffusion.noise_loss(noise, predicted)
    same(diffusion.noise_loss, "keras.losses.MeanSquaredError", ours, theirs)
    assert diffusion.noise_loss(noise, noise) == 0
    assert diffusion.noise_loss(noise, 0) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("t", [999, 500, 1, 0])
@pytest.mark.parametrize("kind", ["small", "large"])
def test_reverse_steps_equal_diffusers(t, kind, same):
    ours = diffusion.reverse_step(
        STEP["x"], STEP["model_out"], STEP["z"], t, diffusion.linear_betas(), kind == "small"
    )
    theirs = STEP[f"fixed_{kind}_clip0_epsilon_t{t}"]
    # diffusers computes in float32, which loses four digits of 1 - s_1 = 0.0002
    same(diffusion.reverse_step, NAME, ours, theirs, at_most=1e-4 if t == 1 else 1e-6)


def test_reverse_steps_with_the_true_noise_end_at_the_data():
    """The data are a single number, so the true noise is known at every step."""
    generator, betas = np.random.default_rng(0), diffusion.linear_betas(100, 1e-3, 0.2)
    signal, x = diffusion.signal_left(betas), generator.normal(size=50)
    for t in reversed(range(100)):
        noise = (x - np.sqrt(signal[t]) * 0.7) / np.sqrt(1 - signal[t])
        x = diffusion.reverse_step(x, noise, generator.normal(size=50), t, betas)
    np.testing.assert_allclose(x, 0.7, atol=1e-6)


def test_time_embedding_equals_diffusers(same):
    t = POSITIONS["t"]
    name = "diffusers get_timestep_embedding (fixture)"
    ours = diffusion.time_embedding(t, 16)
    same(diffusion.time_embedding, name, ours, POSITIONS["ddpm_t"], at_most=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0, 7.5])
def test_guidance_follows_the_gradient_of_the_sharpened_density(weight, same):
    """The noise is minus the gradient of log p, so samples come from p(x) (p(x|c) / p(x))^w."""
    x = tf.Variable(np.linspace(-2, 3, 9))

    def log_p(x, mean, deviation):
        return -(((x - mean) / deviation) ** 2) / 2 - tf.math.log(tf.constant(deviation, x.dtype))

    def slope(f):
        with tf.GradientTape() as tape:
            value = f(x)
        return tape.gradient(value, x).numpy()

    free, given = (lambda x: log_p(x, 0.0, 2.0)), (lambda x: log_p(x, 1.0, 0.5))
    theirs = -slope(lambda x: free(x) + weight * (given(x) - free(x)))
    ours = diffusion.guided(-slope(free), -slope(given), weight)
    same(diffusion.guided, "tf.GradientTape", ours, theirs)


def test_inpainting_keeps_the_known_part(same):
    made, x, noise = np.random.default_rng(0).normal(size=(3, 2, 4, 4, 1))
    mask = np.zeros((4, 4, 1))
    mask[:2] = 1
    ours = diffusion.keep_known(made, x, mask, 0.3, noise)
    theirs = keras.ops.where(mask == 1, diffusion.noised(x, 0.3, noise), made)
    same(diffusion.keep_known, "keras.ops.where", ours, theirs)
    np.testing.assert_array_equal(diffusion.keep_known(made, x, mask, 1, noise)[:, :2], x[:, :2])


def test_control_starts_at_zero_and_equals_keras_convolutions(same):
    x, hint = np.random.default_rng(0).normal(size=(2, 1, 4, 4, 3)).astype("float32")
    block = keras.layers.Conv2D(3, 3, padding="same")
    zeros = [keras.layers.Conv2D(3, 1, use_bias=False, kernel_initializer="zeros") for _ in "ab"]
    for layer in zeros:
        layer.build(x.shape)

    def both():
        weights = [layer.get_weights()[0][0, 0] for layer in zeros]
        ours = diffusion.controlled(x, hint, *[lambda x: block(x).numpy()] * 2, *weights)
        return ours, block(x) + zeros[1](block(x + zeros[0](hint)))

    ours, theirs = both()
    np.testing.assert_array_equal(ours, block(x))
    for layer in zeros:
        layer.set_weights([np.ones_like(w) / 3 for w in layer.get_weights()])
    ours, theirs = both()
    same(diffusion.controlled, "keras.layers.Conv2D", ours, theirs)
    assert np.abs(ours - np.array(block(x))).max() > 0.1
