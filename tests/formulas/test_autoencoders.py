"""Autoencoders, compared with Keras, scikit-learn, SciPy and GradientTape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats
from sklearn import datasets, decomposition

from kerasdl.formulas import autoencoders, basics, generative, regularization
from kerasdl.learners.autoencoder import Autoencoder


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_an_autoencoder_is_two_dense_layers(generator, same):
    x = generator.random((5, 8)).astype("float32")
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(3, "sigmoid"), keras.layers.Dense(8, "sigmoid")]
    )
    ours = autoencoders.autoencoder(x, *model.get_weights())
    same(autoencoders.autoencoder, "keras.layers.Dense", ours, model(x))


def test_an_autoencoder_equals_the_learner(generator, same):
    x = generator.random((5, 2, 2, 2)).astype("float32")
    model = Autoencoder.create(latent_dim=3, widths=(), input_shape=(2, 2, 2))
    w_e, b_e, w_d, b_d = model.get_weights()
    squashed = model.decode(keras.ops.sigmoid(model.encode(x)))  # the learner's codes are linear
    ours = autoencoders.autoencoder(np.reshape(x, (5, 8)), w_e, b_e, w_d, b_d)
    ours = np.reshape(ours, x.shape)
    same(autoencoders.autoencoder, "kerasdl.learners.Autoencoder", ours, squashed)


@pytest.mark.rows("AEN-25", "E-67")
def test_scaled_codes_change_the_kl_of_a_vae_but_not_an_autoencoder(generator):
    x, w_e, w_d = generator.random((5, 8)), generator.normal(size=(8, 3)), np.ones((3, 8))
    plain = autoencoders.autoencoder(x, w_e, 0, w_d, 0, activation=np.positive)
    far = autoencoders.autoencoder(x, 10 * w_e, 0, w_d / 10, 0, activation=np.positive)
    np.testing.assert_allclose(plain, far)
    kl = [generative.kl_to_standard_normal(x @ (c * w_e), np.zeros((5, 3))).mean() for c in (1, 10)]
    assert kl[1] > 50 * kl[0]


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ((784, 128, 64, 32, 64, 128, 784), 222_384),
        ((784, 256, 64, 32, 64, 256, 784), 439_728),
        ((784, 512, 256, 32, 256, 512, 784), 1_083_696),
        ((100, 256, 512, 784), 559_632),
        ((784, 512, 256, 1), 533_505),
        ((2048, 256, 10), 527_114),
    ],
)
def test_known_parameter_counts(widths, expected):
    assert basics.dense_parameters(*widths) == expected


def test_parameter_counts_of_vae_and_autoencoder(same):
    encoder = basics.dense_parameters(784, 512, 256, 2 * 20)
    assert encoder + basics.dense_parameters(20, 256, 512, 784) == 1_082_680
    model = Autoencoder.create()
    ours = basics.dense_parameters(784, 128, 64, 32, 64, 128, 784)
    name = "kerasdl.learners.Autoencoder"
    same(basics.dense_parameters, name, ours, model.count_params(), at_most=0)


@pytest.mark.rows("CMP-15")
def test_compression_ratio_equals_the_ratio_of_bytes(same):
    image, codes = np.zeros(784, "float32"), np.zeros(32, "int8")
    ours = autoencoders.compression_ratio(784, 32, code_bits=8)
    theirs = image.nbytes / codes.nbytes
    same(autoencoders.compression_ratio, "bytes of arrays", ours, theirs, at_most=0)
    assert ours == 4 * autoencoders.compression_ratio(784, 32) == 98


def test_principal_components_equal_scikit_learn(same):
    x = datasets.load_digits().data / 16
    mean, axes = autoencoders.principal_components(x, 10)
    theirs = decomposition.PCA(10, svd_solver="full").fit(x)
    ours = mean + (x - mean) @ axes.T @ axes
    name = "sklearn.decomposition.PCA"
    again = theirs.inverse_transform(theirs.transform(x))
    same(autoencoders.principal_components, name, ours, again)
    aligned = np.abs(axes @ theirs.components_.T)  # cosines of the angles between the axes
    np.testing.assert_allclose(aligned, np.eye(10), atol=1e-6)


def test_reconstruction_errors_of_pca_equal_the_fixture(same, reference):
    numbers, x = reference("pca_digits"), datasets.load_digits().data / 16
    found = []
    for count in numbers["ks"]:
        mean, axes = autoencoders.principal_components(x[:1437], count)
        found.append(np.mean((mean + (x - mean) @ axes.T @ axes - x) ** 2, axis=1))
    ours = [[np.mean(each[:1437]), np.mean(each[1437:])] for each in found]
    theirs = np.stack([numbers["mse_train"], numbers["mse_test"]], axis=1)
    formula, name = autoencoders.principal_components, "sklearn.decomposition.PCA (fixture)"
    same(formula, name, np.array(ours), theirs, at_most=1e-12)


def test_no_nearby_linear_code_has_a_smaller_error(generator):
    x = datasets.load_digits().data[:300] / 16
    mean, axes = autoencoders.principal_components(x, 4)
    least = np.mean((x - mean - (x - mean) @ axes.T @ axes) ** 2)
    for _ in range(5):
        other = np.linalg.qr((axes + 0.02 * generator.normal(size=axes.shape)).T)[0].T
        assert np.mean((x - mean - (x - mean) @ other.T @ other) ** 2) > least


@pytest.mark.rows("E-12")
def test_sparsity_penalty_equals_scipys_bernoulli_divergence(generator, same):
    h = generator.random((50, 6)) / 2
    mean = h.mean(axis=0)
    theirs = special.rel_entr(0.05, mean) + special.rel_entr(0.95, 1 - mean)
    ours = autoencoders.sparsity_penalty(h)
    same(autoencoders.sparsity_penalty, "scipy.special.rel_entr", ours, theirs.sum())
    assert ours > 0.1
    assert autoencoders.sparsity_penalty(np.full((3, 2), 0.05)) == pytest.approx(0)


def test_l1_of_codes_equals_keras_activity_regularizer(generator, same):
    layer = keras.layers.Dense(3, activity_regularizer=keras.regularizers.L1(0.02))
    h = layer(generator.normal(size=(5, 4)).astype("float32"))
    name = "activity_regularizer of keras.layers.Dense"
    ours = regularization.l1_penalty(np.array(h), 0.02) / 5  # Keras takes the mean of the batch
    same(regularization.l1_penalty, name, ours, layer.losses[0])


def test_gaussian_noise_equals_keras_with_the_same_seed(generator, same):
    x = generator.random((5, 8)).astype("float32")
    noise = keras.random.normal((5, 8), seed=keras.random.SeedGenerator(3))
    theirs = keras.layers.GaussianNoise(0.2, seed=3)(x, training=True)
    ours = autoencoders.gaussian_noise(x, np.array(noise), 0.2)
    same(autoencoders.gaussian_noise, "keras.layers.GaussianNoise", ours, theirs)


def test_masking_noise_equals_keras_dropout_without_rescaling(generator, same):
    x = generator.random((50, 8)).astype("float32")
    theirs = keras.layers.Dropout(0.25, seed=0)(x, training=True) * 0.75
    uniform = np.where(np.array(theirs) == 0, 0.1, 0.9)
    ours = autoencoders.masking_noise(x, uniform, 0.25)
    same(autoencoders.masking_noise, "keras.layers.Dropout", ours, theirs)
    kept = np.mean(autoencoders.masking_noise(np.ones(4), np.array([0.1, 0.3, 0.5, 0.7]), 0.25))
    assert kept == 0.75


def test_salt_and_pepper_each_take_half_of_the_fraction(same):
    uniform = (np.arange(1000) + 0.5) / 1000
    found = autoencoders.salt_and_pepper(np.full(1000, 0.5), uniform, 0.3)
    fractions = [np.mean(found == value) for value in (1.0, 0.0, 0.5)]
    name = "15 %, 15 % and 70 % of numbers"
    same(autoencoders.salt_and_pepper, name, fractions, [0.15, 0.15, 0.7])


def test_denoising_loss_equals_keras_evaluate_with_clean_targets(generator, same):
    x = generator.random((6, 4)).astype("float32")
    noisy = x + generator.normal(0, 0.3, size=x.shape).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile(loss="mse")
    ours = autoencoders.denoising_loss(x, noisy, lambda x: model(x).numpy())
    name = "keras.Model.evaluate(noisy, clean)"
    same(autoencoders.denoising_loss, name, ours, model.evaluate(noisy, x, verbose=0))
    copied = autoencoders.denoising_loss(x, noisy, np.positive)
    assert copied > 0 == autoencoders.denoising_loss(noisy, noisy, np.positive)


def test_contractive_penalty_equals_gradient_tapes_jacobian(generator, same):
    x, w, b = generator.normal(size=(5, 4)), generator.normal(size=(4, 3)), generator.normal(size=3)
    inputs = tf.Variable(x)
    with tf.GradientTape() as tape:
        h = tf.sigmoid(inputs @ w + b)
    jacobian = tape.batch_jacobian(h, inputs)
    ours = autoencoders.contractive_penalty(h.numpy(), w)
    theirs = tf.reduce_sum(jacobian**2, axis=[1, 2])
    same(autoencoders.contractive_penalty, "tf.GradientTape", ours, theirs, at_most=1e-12)


def test_stretch_of_small_steps_equals_the_jacobian(generator, same):
    w, x = generator.normal(size=(4, 3)), generator.normal(size=(200, 4))
    step = 1e-6 * generator.normal(size=x.shape)
    ours = autoencoders.stretch(lambda x: np.tanh(x @ w), x, x + step)
    inputs = tf.Variable(x)
    with tf.GradientTape() as tape:
        h = tf.tanh(inputs @ w)
    moved = tf.einsum("bij,bj->bi", tape.batch_jacobian(h, inputs), step)
    ratio = np.linalg.norm(moved, axis=-1) / np.linalg.norm(step, axis=-1)
    same(autoencoders.stretch, "tf.GradientTape", ours, np.median(ratio))


def test_masked_error_equals_keras_with_sample_weights(generator, same):
    y, p = generator.normal(size=(2, 7, 9))
    mask = generator.integers(0, 2, (7, 9))
    metric = keras.metrics.MeanSquaredError(dtype="float64")
    metric.update_state(y[..., None], p[..., None], sample_weight=mask)
    ours = autoencoders.masked_mean_squared_error(y, p, mask)
    same(
        autoencoders.masked_mean_squared_error,
        "keras.metrics.MeanSquaredError",
        ours,
        metric.result(),
    )


def test_anomalies_exceed_scipys_percentile(generator, same):
    normal, errors = generator.random(500), generator.random(500) * 1.5
    threshold = stats.scoreatpercentile(normal, 95)
    ours = autoencoders.is_anomaly(errors, normal)
    same(autoencoders.is_anomaly, "scipy.stats.scoreatpercentile", ours, errors > threshold, 0)
    assert autoencoders.is_anomaly(normal, normal).mean() == 0.05
