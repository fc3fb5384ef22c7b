"""The notes' sizes, the tie to principal components, and codes that rebuild images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl.learners.autoencoder import Autoencoder


@pytest.mark.rows("AEN-02", "AEN-03", "AEN-04")
@pytest.mark.parametrize(
    ("widths", "count"), [((128, 64), 222_384), ((256, 64), 439_728), ((512, 256), 1_083_696)]
)
def test_the_notes_networks_have_their_number_of_parameters(widths, count):
    assert kerasdl.create_model("autoencoder", widths=widths).count_params() == count


def test_reconstruction_is_decode_of_encode_and_what_a_call_gives(digits):
    model = kerasdl.create_model("autoencoder_tiny")
    codes = model.encode(digits[:5])
    assert codes.shape == (5, 10)
    np.testing.assert_array_equal(model.reconstruct(digits[:5]), model.decode(codes))
    np.testing.assert_allclose(model.reconstruct(digits[:5]), model(digits[:5]), atol=1e-6)


def test_the_loss_compares_with_the_input_and_labels_are_ignored(digits, batches):
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
    # the spaces are the same: no component sticks out of the decoder's columns
    columns, _ = np.linalg.qr(model.decoder.get_layer("logits").get_weights()[0].T)
    inside = pca["components10"] @ columns
    angle = np.degrees(np.arccos(np.linalg.svd(inside, compute_uv=False).clip(0, 1))).max()
    assert angle < 0.1
    error = model.evaluate(data.take(3), verbose=0)
    assert error == pytest.approx(pca["mse_train"][4], rel=1e-4)


@pytest.mark.rows("AEN-01")
def test_it_learns_more_than_the_mean(digits, batches):
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model("autoencoder_tiny")
    model.compile(keras.optimizers.Adam(4e-3), "mse", steps_per_execution=50)
    model.fit(batches.repeat(50), verbose=0, shuffle=False)
    assert model.evaluate(batches, verbose=0) < np.var(digits[:128], axis=0).mean() / 10


def test_interpolation_begins_and_ends_at_the_reconstructions(digits):
    model = kerasdl.create_model("autoencoder_tiny")
    images = model.interpolate(digits[0], digits[1], steps=6)
    assert images.shape == (6, 8, 8, 1)
    ends = model.reconstruct(digits[:2])
    np.testing.assert_allclose(np.array(images)[[0, -1]], ends, atol=1e-6)
