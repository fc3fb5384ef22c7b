"""DCGAN: losses at equilibrium, what each optimizer updates, saving, samples."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl.learners import dcgan


def tiny(**options):
    keras.utils.set_random_seed(0)
    return kerasdl.create_model("dcgan_tiny", width=8, latent_dim=4, seed=0, **options)


def trainable(network):
    return [np.copy(keras.ops.convert_to_numpy(weight)) for weight in network.trainable_weights]


def changed(before, after):
    return any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.rows("GAN-01", "GAN-02", "GAN-03")
def test_losses_at_equilibrium():
    # D = 1/2 everywhere: -log D - log(1 - D) = 2 log 2 and -log D = log 2
    np.testing.assert_allclose(dcgan.cross_entropy(1.0, [[0.0]]), [[np.log(2)]], rtol=1e-6)
    model = tiny(label_smoothing=0.0)
    model.discriminator.get_layer("logit").set_weights([np.zeros((2, 2, 16, 1))])
    model.compile()
    images = tf.data.Dataset.from_tensors(np.zeros((6, 8, 8, 1), "float32"))
    losses = model.evaluate(images, return_dict=True, verbose=0)
    expected = {"discriminator_loss": 2 * np.log(2), "generator_loss": np.log(2)}
    assert losses == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("smoothing", "least"), [(0.0, 0.0), (0.1, 0.3251), (0.2, 0.5004)])
def test_smallest_loss_with_smoothed_labels_is_their_entropy(smoothing, least):
    logits = np.linspace(-20, 20, 4001, dtype="float32")[:, None]
    losses = keras.ops.convert_to_numpy(dcgan.cross_entropy(1 - smoothing, logits))
    assert losses.min() == pytest.approx(least, abs=1e-4)


@pytest.mark.rows("GAN-06", "GAN-07", "TRN-22")
@pytest.mark.parametrize("learns", ["generator", "discriminator"])
def test_each_optimizer_updates_only_its_own_network(batches, learns):
    model = tiny()
    still = next(n for n in ("generator", "discriminator") if n != learns)
    model.compile(
        **{f"{learns}_optimizer": keras.optimizers.SGD(0.1)},
        **{f"{still}_optimizer": keras.optimizers.SGD(0.0)},
    )
    before = {name: trainable(getattr(model, name)) for name in (learns, still)}
    model.fit(batches.take(1), verbose=0, shuffle=False)
    for name in (learns, still):
        assert changed(before[name], trainable(getattr(model, name))) == (name == learns)


@pytest.mark.rows("GAN-31", "E-35")
def test_default_optimizers_are_the_published_ones():
    model = tiny()
    model.compile()
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        settings = optimizer.get_config()
        assert settings["learning_rate"] == pytest.approx(2e-4)
        assert settings["beta_1"] == 0.5
    assert model.generator_optimizer is not model.discriminator_optimizer


def test_a_loaded_model_trains_on_like_the_saved_one(tmp_path, batches):
    model = tiny()
    adam = keras.optimizers.Adam
    model.compile(adam(1e-4, beta_1=0.3), adam(4e-4, beta_1=0.6))
    model.fit(batches, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is dcgan.DCGAN
    assert again.get_config() == model.get_config()
    for name in ("generator_optimizer", "discriminator_optimizer"):
        ours, theirs = getattr(model, name), getattr(again, name)
        assert ours.get_config() == theirs.get_config()
        assert int(theirs.iterations) == 4
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), b)
    for learner in (model, again):  # a .keras file does not hold the state of the noise
        learner.noise.state.assign([5, 5])
        learner.fit(batches, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_evaluation_reports_both_losses_and_is_deterministic(batches):
    model = tiny()
    model.compile()
    first, second = (model.evaluate(batches, return_dict=True, verbose=0) for _ in range(2))
    assert first == second
    assert list(first) == ["discriminator_loss", "generator_loss"]


@pytest.mark.rows("GAN-06")
def test_training_moves_the_mean_sample_towards_the_mean_image(digits, batches):
    model = tiny()
    model.compile(*(keras.optimizers.Adam(5e-3, 0.5) for _ in range(2)), steps_per_execution=50)

    def distance():
        samples = keras.ops.convert_to_numpy(model.generate(500, seed=0))
        return np.abs(samples.mean(0) - digits[:128].mean(0)).mean()

    before = distance()
    model.fit(batches.repeat(50), verbose=0, shuffle=False)
    assert distance() < before / 2


@pytest.mark.rows("DAT-29")
def test_samples_are_images_and_repeat_with_the_seed():
    model = tiny()
    images = keras.ops.convert_to_numpy(model.generate(16, seed=3))
    assert images.shape == (16, 8, 8, 1)
    assert images.min() >= 0
    assert images.max() <= 1
    np.testing.assert_array_equal(images, model.generate(16, seed=3))
    assert not np.allclose(images, model.generate(16, seed=4))


@pytest.mark.rows("GAN-15", "E-29")
def test_interpolation_starts_and_ends_at_the_codes():
    model = tiny()
    codes = keras.random.normal((2, 4), seed=0)
    images = keras.ops.convert_to_numpy(model.interpolate(*codes, steps=5))
    assert images.shape == (5, 8, 8, 1)
    np.testing.assert_allclose(images[[0, -1]], model.decode(codes), atol=1e-5)


def test_float16_scales_both_losses(batches):
    keras.config.set_dtype_policy("mixed_float16")
    model = tiny()
    model.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    losses = model.fit(batches, verbose=0, shuffle=False).history
    assert np.isfinite([losses["discriminator_loss"], losses["generator_loss"]]).all()
    scaled = keras.optimizers.LossScaleOptimizer
    assert isinstance(model.generator_optimizer, scaled)
    assert isinstance(model.discriminator_optimizer, scaled)
    model.compile(model.generator_optimizer)
    assert not isinstance(model.generator_optimizer.inner_optimizer, scaled)
