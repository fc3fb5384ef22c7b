"""Autoencoders: parameter counts, principal components, denoising, invalid networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.learners.autoencoder import Autoencoder
from kerasdl.learners.dcgan import DCGAN
from kerasdl.learners.vae import VAE


@pytest.mark.rows("AEN-02", "AEN-03", "AEN-04")
@pytest.mark.parametrize(
    ("widths", "count"), [((128, 64), 222_384), ((256, 64), 439_728), ((512, 256), 1_083_696)]
)
def test_parameter_counts(widths, count):
    assert kerasdl.create_model("autoencoder", widths=widths).count_params() == count


def test_reconstruct_equals_decode_of_encode_and_a_call(digits):
    model = kerasdl.create_model("autoencoder_tiny")
    codes = model.encode(digits[:5])
    assert codes.shape == (5, 10)
    np.testing.assert_array_equal(model.reconstruct(digits[:5]), model.decode(codes))
    np.testing.assert_allclose(model.reconstruct(digits[:5]), model(digits[:5]), atol=1e-6)


def test_targets_of_another_shape_are_ignored_and_the_input_is_the_target(digits, batches):
    model = kerasdl.create_model("autoencoder_tiny")
    model.compile(loss="mse", metrics=["mae"])
    error = np.array(model(digits[:128])) - digits[:128]
    expected = {"loss": np.mean(error**2), "mae": np.mean(np.abs(error))}
    labelled = batches.map(lambda x: (x, tf.zeros(tf.shape(x)[0])))
    for dataset in (batches, labelled):
        measured = model.evaluate(dataset, return_dict=True, verbose=0)
        assert measured == pytest.approx(expected, rel=1e-5)


@pytest.mark.rows("AEN-06")
def test_a_linear_autoencoder_finds_the_principal_components(digits, reference):
    pca = reference("pca_digits.npz")
    data = tf.data.Dataset.from_tensor_slices(digits[:1437] - pca["mean"].reshape(8, 8, 1))
    data = data.cache().shuffle(1437, seed=0).batch(479).repeat()
    keras.utils.set_random_seed(0)
    model = Autoencoder.create(10, (), output_activation="linear", input_shape=(8, 8, 1))
    steps = 1500
    schedule = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model.compile(keras.optimizers.Adam(schedule), "mse", steps_per_execution=100)
    model.fit(data, epochs=1, steps_per_epoch=steps, verbose=0, shuffle=False)
    # the largest angle between the principal components and the decoder's column space
    columns, _ = np.linalg.qr(model.decoder.get_layer("logits").get_weights()[0].T)
    inside = pca["components10"] @ columns
    angle = np.degrees(np.arccos(np.linalg.svd(inside, compute_uv=False).clip(0, 1))).max()
    assert angle < 0.1
    error = model.evaluate(data.take(3), verbose=0)
    assert error == pytest.approx(pca["mse_train"][4], rel=1e-4)


@pytest.mark.rows("AEN-01")
def test_it_reconstructs_better_than_the_mean_image(digits, batches):
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model("autoencoder_tiny")
    model.compile(keras.optimizers.Adam(4e-3), "mse", steps_per_execution=50)
    model.fit(batches.repeat(50), verbose=0, shuffle=False)
    assert model.evaluate(batches, verbose=0) < np.var(digits[:128], axis=0).mean() / 10


def test_interpolation_starts_and_ends_at_the_reconstructions(digits):
    model = kerasdl.create_model("autoencoder_tiny")
    images = model.interpolate(digits[0], digits[1], steps=6)
    assert images.shape == (6, 8, 8, 1)
    ends = model.reconstruct(digits[:2])
    np.testing.assert_allclose(np.array(images)[[0, -1]], ends, atol=1e-6)


@pytest.mark.rows("AEN-10")
def test_it_learns_to_denoise(digits):
    """Trained with clean targets, its outputs are closer to them than the noisy inputs are."""
    keras.utils.set_random_seed(0)
    clean = digits[:512]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.4, clean.shape), 0, 1)
    model = kerasdl.create_model("autoencoder_tiny")
    model.compile(keras.optimizers.Adam(3e-3), "mse", steps_per_execution=4)
    model.fit(noisy, clean, batch_size=128, epochs=40, verbose=0)
    restored = np.array(model(noisy))
    assert np.mean((restored - clean) ** 2) < 0.4 * np.mean((noisy - clean) ** 2)
    assert np.mean((restored - clean) ** 2) < 0.5 * np.mean((restored - noisy) ** 2)
    measured = model.evaluate(noisy, clean, return_dict=True, verbose=0)
    assert measured["loss"] == pytest.approx(np.mean((restored - clean) ** 2), rel=1e-4)


@pytest.mark.parametrize("name", ["autoencoder_tiny", "vae_tiny", "dcgan_tiny"])
@pytest.mark.parametrize("scale", [255, -1])
def test_images_outside_0_to_1_are_refused_in_one_line(name, scale, digits):
    model = kerasdl.create_model(name)
    model.compile()
    with pytest.raises(InvalidInput, match=r"numbers in \[0, 1\].*from .*(255|-1)") as raised:
        model.fit(scale * digits[:32], verbose=0)
    assert "\n" not in str(raised.value)


def test_networks_that_do_not_fit_are_refused():
    def dense(size, *shape):
        return keras.Sequential([keras.Input(shape), keras.layers.Dense(size)])

    with pytest.raises(InvalidInput, match=r"`decoder`.*output of the encoder.*\(4,\)"):
        Autoencoder(dense(3, 8), dense(8, 4))
    with pytest.raises(InvalidInput, match=r"`decoder`.*input of the encoder.*\(7,\)"):
        Autoencoder(dense(3, 8), dense(7, 3))
    with pytest.raises(InvalidInput, match=r"`encoder`.*even.*\(None, 3\)"):
        VAE(dense(3, 8), dense(8, 1))
    with pytest.raises(InvalidInput, match=r"`decoder`.*half of the encoder"):
        VAE(dense(4, 8), dense(8, 4))
    with pytest.raises(InvalidInput, match=r"`discriminator`.*one logit.*\(2,\)"):
        DCGAN(dense(8, 3), dense(2, 8))
    with pytest.raises(InvalidInput, match=r"`generator`.*input of the discriminator"):
        DCGAN(dense(7, 3), dense(1, 8))
    with pytest.raises(InvalidInput, match=r"`generator`.*a built keras.Model"):
        DCGAN("generator", dense(1, 8))


@pytest.mark.parametrize("argument", [{"optimizer": "adam"}, {"loss": "mse"}])
def test_compile_of_a_dcgan_names_its_two_optimizers(argument):
    with pytest.raises(InvalidInput, match="generator_optimizer and discriminator_optimizer"):
        kerasdl.create_model("dcgan_tiny").compile(**argument)
