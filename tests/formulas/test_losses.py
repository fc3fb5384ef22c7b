"""Losses, compared with Keras, PyTorch and SciPy."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import activations, losses, regularization

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
TORCH = np.load(REFERENCE / "ce_label_smoothing_kd.npz")


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_mean_squared_error_equals_keras(generator, same):
    y, p = generator.normal(size=(2, 20)).astype("float32")
    theirs = keras.losses.MeanSquaredError()(y, p)
    same(
        losses.mean_squared_error,
        "keras.losses.MeanSquaredError",
        losses.mean_squared_error(y, p),
        theirs,
    )


def test_perceptual_loss_of_a_frozen_network_has_gradients_for_the_image_only(generator, same):
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    network.trainable = False
    y, p = generator.normal(size=(2, 1, 8, 8, 3)).astype("float32")
    image = tf.Variable(p)
    with tf.GradientTape() as tape:
        theirs = keras.ops.mean(keras.losses.MeanSquaredError()(network(y), network(image)))
    ours = losses.perceptual_loss(y, p, lambda x: network(x).numpy())
    same(losses.perceptual_loss, "keras.losses.MeanSquaredError of features", ours, theirs)
    assert not network.trainable_weights
    assert np.abs(tape.gradient(theirs, image)).max() > 0
    assert losses.perceptual_loss(y, y, lambda x: network(x).numpy()) == 0


def test_binary_cross_entropy_equals_keras(generator, same):
    y, p = generator.integers(0, 2, 20), generator.random(20)
    theirs = keras.losses.BinaryCrossentropy()(y.astype("float32"), p.astype("float32"))
    ours = losses.binary_cross_entropy(y, p)
    same(losses.binary_cross_entropy, "keras.losses.BinaryCrossentropy", ours, theirs)


@pytest.mark.parametrize(("p", "expected"), [(0.99, 0.01005), (0.01, 4.60517), (0.5, 0.693147)])
def test_binary_cross_entropy_has_known_values(p, expected):
    assert losses.binary_cross_entropy(1, p) == pytest.approx(expected, abs=1e-6)


def test_a_perfect_copy_has_a_loss_of_0():
    x = np.array([0.0, 1.0, 1.0])
    assert losses.binary_cross_entropy(x, x) == pytest.approx(0, abs=1e-6)
    assert losses.mean_squared_error(x, x) == 0


@pytest.mark.rows("E-44")
@pytest.mark.parametrize("p", [0, 1])
def test_a_certain_mistake_has_a_finite_loss_unless_clipped_at_1e_15(p):
    y, p = np.float32([1 - p]), np.float32([p])
    assert 15 < losses.binary_cross_entropy(y, p) < 17
    assert np.isfinite(losses.binary_cross_entropy(1 - y, p))
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = losses.binary_cross_entropy(np.float32([1]), np.float32([1]), np.float32(1e-15))
    assert np.isnan(loss)


@pytest.mark.rows("E-36")
def test_binary_cross_entropy_with_logits_equals_keras_and_applies_the_sigmoid(generator, same):
    y, z = generator.integers(0, 2, 20), generator.normal(0, 3, 20)
    formula = losses.binary_cross_entropy_with_logits
    theirs = keras.losses.BinaryCrossentropy(from_logits=True)(
        y.astype("float32"), z.astype("float32")
    )
    same(formula, "keras.losses.BinaryCrossentropy", formula(y, z), theirs)
    once = losses.binary_cross_entropy(y, activations.sigmoid(z))
    assert formula(y, z) == pytest.approx(once, abs=1e-6)
    assert formula(y, activations.sigmoid(z)) != pytest.approx(once, abs=0.1)  # applied twice
    assert formula(1, -100.0) == 100 and formula(1, 100.0) == pytest.approx(0)


def test_cross_entropy_equals_keras_and_pytorch(generator, same):
    y, p = generator.integers(0, 3, (4, 5)), generator.dirichlet(np.ones(3), (4, 5))
    theirs = keras.losses.SparseCategoricalCrossentropy()(y, p.astype("float32"))
    name = "keras.losses.SparseCategoricalCrossentropy"
    same(losses.cross_entropy, name, losses.cross_entropy(y, p), theirs)
    theirs = keras.losses.CategoricalCrossentropy()(np.eye(3)[y], p.astype("float32"))
    ours = losses.categorical_cross_entropy(np.eye(3)[y], p)
    same(losses.categorical_cross_entropy, "keras.losses.CategoricalCrossentropy", ours, theirs)
    p = activations.softmax(TORCH["logits"])
    ours = losses.cross_entropy(TORCH["y"], p)
    name = "torch.nn.functional.cross_entropy (fixture)"
    same(losses.cross_entropy, name, ours, TORCH["ls0.0"].mean())


def test_cross_entropy_of_known_logits():
    p = activations.softmax(np.array([[2, 1, 0.1]]))
    assert losses.cross_entropy(np.array([0]), p) == pytest.approx(0.417030, abs=1e-6)
    assert losses.categorical_cross_entropy(np.array([[1, 0, 0]]), p) == pytest.approx(0.417030)


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_smoothed_labels_equal_keras_and_pytorch(smoothing, same):
    p, y = activations.softmax(TORCH["logits"]), np.eye(5)[TORCH["y"]]
    smoothed = regularization.smooth_labels(y, smoothing)
    ours = losses.categorical_cross_entropy(smoothed, p)
    theirs = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(y, p)
    torch = TORCH[f"ls{smoothing}"].mean()
    for formula in (regularization.smooth_labels, losses.categorical_cross_entropy):
        same(formula, "keras.losses.CategoricalCrossentropy", ours, theirs)
        same(formula, "torch.nn.functional.cross_entropy (fixture)", ours, torch)


def test_smoothed_labels_of_a_worked_example():
    y = regularization.smooth_labels(np.array([[0, 0, 1]]))
    found = losses.categorical_cross_entropy(y, np.array([[0.1, 0.1, 0.8]]))
    assert found == pytest.approx(0.361773, abs=1e-6)


def test_kl_divergence_equals_keras_and_scipy(generator, same):
    from scipy import special

    y, p = generator.dirichlet(np.ones(4), (2, 6)).astype("float32")
    ours = losses.kl_divergence(y, p)
    same(losses.kl_divergence, "keras.losses.KLDivergence", ours, keras.losses.kl_divergence(y, p))
    same(losses.kl_divergence, "scipy.special.rel_entr", ours, special.rel_entr(y, p).sum(-1))
    assert np.all(ours > 0) and np.all(losses.kl_divergence(y, y) == 0)
    assert np.abs(ours - losses.kl_divergence(p, y)).max() > 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zero_probabilities_contribute_nothing(dtype):
    y, p = np.array([[1, 0]], dtype), np.array([[0.5, 0.5]], dtype)
    assert losses.kl_divergence(y, p) == pytest.approx(np.log(2))
    assert losses.kl_divergence(y, y) == losses.categorical_cross_entropy(y, y) == 0


def test_perplexity_of_a_uniform_guess_is_the_number_of_classes(same):
    p = np.full((2, 7), 1 / 7)
    y = np.array([0, 3])
    nats = losses.cross_entropy(y, p)
    theirs = keras.ops.exp(keras.losses.SparseCategoricalCrossentropy()(y, p))
    ours = losses.perplexity(nats)
    same(losses.perplexity, "keras.losses.SparseCategoricalCrossentropy", ours, theirs)
    assert ours == pytest.approx(7)
