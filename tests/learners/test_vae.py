"""The VAE's loss equals PyTorch's ELBO; its codes, samples and interpolation."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput


def trained(batches, steps=160, **options):
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model("vae_tiny", widths=(64,), seed=0, **options)
    model.compile(keras.optimizers.Adam(3e-3), steps_per_execution=40)
    model.fit(batches.repeat(steps // 4), verbose=0, shuffle=False)
    return model


@pytest.mark.rows("AEN-14")
def test_parameter_count():
    assert kerasdl.create_model("vae").count_params() == 1_082_680


def loss_and_parts(theirs, **options):
    """Compute the loss, reconstruction and KL of the reference's means, variances and logits."""
    model = kerasdl.create_model("vae_tiny", **options)
    outputs = {"mean": "mu", "log_variance": "logvar", "logits": "dec_logits"}
    outputs = {ours: theirs[name] for ours, name in outputs.items()}
    loss = model.compute_loss(theirs["x"], y_pred=outputs, training=True)
    return [loss, model.reconstruction_tracker.result(), model.kl_tracker.result()]


@pytest.mark.rows("AEN-16", "AEN-17", "AEN-19")
@pytest.mark.parametrize(("beta", "elbo"), [(1.0, "elbo"), (4.0, "beta4")])
def test_loss_reconstruction_and_kl_equal_the_reference(reference, beta, elbo):
    theirs = reference("vae_elbo.npz")
    expected = [-theirs[elbo].mean(), theirs["bce"].mean(), theirs["kl"].mean()]
    np.testing.assert_allclose(loss_and_parts(theirs, beta=beta), expected, atol=1e-5)


@pytest.mark.rows("AEN-20", "E-71")
def test_gaussian_likelihood_equals_the_reference(reference):
    theirs = reference("vae_elbo.npz")
    expected = [part.mean() for part in (theirs["gauss_nll"] + theirs["kl"], theirs["gauss_nll"])]
    np.testing.assert_allclose(
        loss_and_parts(theirs, likelihood="gaussian")[:2], expected, atol=1e-5
    )


def test_an_unknown_likelihood_is_refused():
    with pytest.raises(InvalidInput, match="Expected one of bernoulli, gaussian"):
        kerasdl.create_model("vae_tiny", likelihood="bernouli")


def test_evaluation_reports_the_parts_and_is_deterministic(batches):
    model = kerasdl.create_model("vae_tiny", beta=2.0)
    model.compile()
    first, second = (model.evaluate(batches, return_dict=True, verbose=0) for _ in range(2))
    assert first == second
    assert first["loss"] == pytest.approx(first["reconstruction"] + 2 * first["kl"], rel=1e-5)


@pytest.mark.rows("AEN-43")
def test_evaluation_samples_codes_and_a_call_uses_their_means(digits, batches):
    model = trained(batches, steps=40)
    np.testing.assert_array_equal(model(digits[:4])["logits"], model(digits[:4])["logits"])
    sampled = model.evaluate(batches, return_dict=True, verbose=0)["reconstruction"]
    outputs = model(digits[:128])
    logits = keras.ops.convert_to_numpy(outputs["logits"])
    pixels = np.logaddexp(0, logits) - digits[:128] * logits
    assert sampled > pixels.sum((1, 2, 3)).mean()  # sampling noise raises the loss


@pytest.mark.rows("AEN-17", "E-11")
def test_training_lowers_the_loss_and_uses_the_code(batches):
    untrained = kerasdl.create_model("vae_tiny", widths=(64,))
    untrained.compile()
    model = trained(batches)
    before, after = (m.evaluate(batches, return_dict=True, verbose=0) for m in (untrained, model))
    assert after["loss"] < 0.75 * before["loss"]
    assert after["kl"] > 1


@pytest.mark.rows("AEN-23")
def test_the_aggregate_posterior_has_the_moments_of_the_prior(digits, batches):
    model = trained(batches, steps=400)
    outputs = model(digits[:128])
    mean = keras.ops.convert_to_numpy(outputs["mean"])
    variance = np.exp(keras.ops.convert_to_numpy(outputs["log_variance"]))
    # moments of a mixture of the codes' Gaussians
    np.testing.assert_allclose(mean.mean(0), 0, atol=0.3)
    np.testing.assert_allclose(np.sqrt(mean.var(0) + variance.mean(0)), 1, atol=0.3)


@pytest.mark.rows("AEN-18")
def test_a_larger_beta_lowers_the_kl_and_raises_the_reconstruction_loss(batches):
    one, four = (
        trained(batches, beta=beta).evaluate(batches, return_dict=True, verbose=0)
        for beta in (1.0, 4.0)
    )
    assert four["kl"] < one["kl"]
    assert four["reconstruction"] > one["reconstruction"]


@pytest.mark.rows("AEN-21")
def test_samples_are_images_and_repeat_with_the_seed():
    model = kerasdl.create_model("vae")
    images = keras.ops.convert_to_numpy(model.generate(16, seed=3))
    assert images.shape == (16, 28, 28, 1)
    assert images.min() >= 0
    assert images.max() <= 1
    np.testing.assert_array_equal(images, model.generate(16, seed=3))
    assert not np.allclose(images, model.generate(16, seed=4))


@pytest.mark.rows("AEN-22")
def test_interpolation_decodes_the_line_between_means(digits):
    model = kerasdl.create_model("vae_tiny")
    images = keras.ops.convert_to_numpy(model.interpolate(digits[0], digits[1]))
    assert images.shape == (10, 8, 8, 1)
    mean = model(digits[:2])["mean"]
    np.testing.assert_allclose(images[[0, -1]], model.decode(mean), atol=1e-6)
    np.testing.assert_allclose(images[[0, -1]], model.reconstruct(digits[:2]), atol=1e-6)
