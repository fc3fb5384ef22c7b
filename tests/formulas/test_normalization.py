"""Normalization, compared with Keras, TensorFlow and PyTorch."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl.formulas import normalization

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
LRN = np.load(REFERENCE / "lrn.npz")
BATCH = np.load(REFERENCE / "batchnorm.npz")
OTHERS = np.load(REFERENCE / "layernorm_groupnorm.npz")


def last(x):
    """Move PyTorch's channels to the last axis."""
    return x.transpose(0, 2, 3, 1)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(3, 2, size=(6, 4, 4, 8)).astype("float32")


def test_batch_normalization_equals_keras_in_training_and_inference(x, same):
    layer = keras.layers.BatchNormalization()
    ours, theirs = normalization.batch_normalization(x), layer(x, training=True)
    same(normalization.batch_normalization, "keras.layers.BatchNormalization", ours, theirs)
    same(normalization.standardized, "keras.layers.BatchNormalization", ours, theirs)
    np.testing.assert_allclose(ours.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(ours.std((0, 1, 2)), 1, atol=1e-3)
    assert layer.count_params() == 4 * 8
    assert sum(w.shape[0] for w in layer.trainable_weights) == 2 * 8
    average = normalization.running_average
    mean, variance = average(np.zeros(8), x.mean((0, 1, 2))), average(np.ones(8), x.var((0, 1, 2)))
    theirs = [layer.moving_mean, layer.moving_variance]
    same(average, "keras.layers.BatchNormalization", [mean, variance], theirs)
    ours = normalization.batch_normalization_inference(x[:1], mean, variance)
    name = "keras.layers.BatchNormalization"
    same(normalization.batch_normalization_inference, name, ours, layer(x[:1]))


def test_batch_normalization_equals_pytorch(same):
    x, gamma, beta = last(BATCH["x"]), BATCH["gamma"], BATCH["beta"]
    name, places = "torch.nn.BatchNorm2d (fixture)", (0, 1, 2)
    ours = normalization.batch_normalization(x, gamma, beta, epsilon=1e-5)
    same(normalization.batch_normalization, name, ours, last(BATCH["y_train"]), at_most=1e-5)
    mean, variance, n = BATCH["rm0"], BATCH["rv0"], 45
    for batch, step in ((x, 1), (x / 2, 2)):
        mean = normalization.running_average(mean, batch.mean(places), 0.9)
        unbiased = batch.var(places) * n / (n - 1)
        variance = normalization.running_average(variance, unbiased, 0.9)
        theirs = [BATCH[f"rm{step}"], BATCH[f"rv{step}"]]
        same(normalization.running_average, name, [mean, variance], theirs)
    formula = normalization.batch_normalization_inference
    ours = formula(x, mean, variance, gamma, beta, 1e-5)
    same(formula, name, ours, last(BATCH["y_eval"]), at_most=1e-5)


@pytest.mark.rows("E-50")
def test_epsilon_keeps_a_constant_channel_finite():
    x = np.ones((4, 1))
    assert np.all(normalization.batch_normalization(x) == 0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(normalization.batch_normalization(x, epsilon=0.0)).all()


def test_a_bias_before_batch_normalization_has_no_effect(x):
    found = [normalization.batch_normalization(x + bias) for bias in (0.0, np.linspace(-5, 5, 8))]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_layer_normalization_equals_keras_and_pytorch_for_any_batch_size(x, same):
    formula = normalization.layer_normalization
    name = "keras.layers.LayerNormalization"
    same(formula, name, formula(x), keras.layers.LayerNormalization()(x), at_most=1e-5)
    np.testing.assert_allclose(formula(x)[:1], formula(x[:1]), atol=1e-6)
    np.testing.assert_allclose(formula(x).mean(-1), 0, atol=1e-5)
    ours = formula(last(OTHERS["x"]), OTHERS["ln_w"], OTHERS["ln_b"], 1e-5)
    same(formula, "torch.nn.LayerNorm (fixture)", ours, OTHERS["ln_y_nhwc"])


@pytest.mark.parametrize(("groups", "name"), [(4, "gn"), (8, "in")])
def test_group_normalization_equals_keras_and_pytorch(groups, name, x, same):
    formula = normalization.group_normalization
    theirs = keras.layers.GroupNormalization(groups)(x)
    same(formula, "keras.layers.GroupNormalization", formula(x, groups), theirs, at_most=1e-5)
    weights = OTHERS[f"{name}_w"], OTHERS[f"{name}_b"]
    ours = formula(last(OTHERS["x"]), groups, *weights, 1e-5)
    torch = {"gn": "torch.nn.GroupNorm (fixture)", "in": "torch.nn.InstanceNorm2d (fixture)"}[name]
    same(formula, torch, ours, last(OTHERS[f"{name}_y"]))


def test_local_response_normalization_equals_pytorch_and_tensorflow(same):
    x = last(LRN["x"])
    settings = {"bias": float(LRN["k"]), "beta": float(LRN["beta"])}
    formula = normalization.local_response_normalization
    for alpha, expected in (("alpha", "y_paper"), ("alpha_big", "y_paper_big")):
        alpha = float(LRN[alpha])
        ours = formula(x, 2, alpha=alpha, **settings)
        name = "torch.nn.LocalResponseNorm (fixture)"
        same(formula, name, ours, last(LRN[expected]))
        theirs = tf.nn.local_response_normalization(x, 2, alpha=alpha, **settings)
        same(formula, "tf.nn.local_response_normalization", ours, theirs)
    assert formula(np.ones(5))[2] == pytest.approx(0.594492, abs=1e-6)


def test_spectral_normalization_equals_keras_and_has_norm_1(same):
    generator = np.random.default_rng(0)
    dense = keras.layers.Dense(4, use_bias=False)
    layer = keras.layers.SpectralNormalization(dense, power_iterations=30)
    layer.build((None, 6))
    w, u = generator.normal(size=(6, 4)), layer.vector_u.numpy()[0]
    dense.set_weights([w])
    theirs = layer(np.eye(6, dtype="float32"), training=True)
    ours, _ = normalization.spectral_normalization(w, u, steps=30)
    name = "keras.layers.SpectralNormalization"
    same(normalization.spectral_normalization, name, ours, theirs, at_most=1e-5)
    assert np.linalg.svd(ours)[1][0] == pytest.approx(1, abs=1e-2)


@pytest.mark.rows("E-32")
@pytest.mark.parametrize("name", ["simple_cnn", "resnet20", "dcgan_tiny"])
def test_networks_normalize_between_a_layer_and_its_activation(name):
    network = kerasdl.create_model(name)
    network = kerasdl.compression.flatten(getattr(network, "generator", network))
    norms = [part for part in network.layers if "BatchNorm" in type(part).__name__]
    before = {type(norm.input._keras_history.operation).__name__ for norm in norms}
    after = [type(node.operation).__name__ for norm in norms for node in norm._outbound_nodes]
    assert norms and before <= {"Conv2D", "Conv2DTranspose"}
    assert set(after) <= {"ReLU", "Activation", "Add"}  # residual blocks add before the activation


def drift(norm):
    """Measure how far training moves a layer's mean output, in initial standard deviations."""
    images, labels = next(kerasdl.data.load("digits", batch_size=900).train.as_numpy_iterator())
    x = images.reshape(len(images), -1)
    inputs = hidden = keras.Input((64,))
    for seed in range(3):
        start = keras.initializers.GlorotUniform(seed)
        hidden = keras.layers.Dense(32, kernel_initializer=start)(hidden)
        hidden = keras.layers.BatchNormalization()(hidden) if norm else hidden
        seen, hidden = hidden, keras.layers.ReLU()(hidden)
    start = keras.initializers.GlorotUniform(9)
    model = keras.Model(inputs, keras.layers.Dense(10, kernel_initializer=start)(hidden))
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), entropy)
    probe = keras.Model(inputs, seen)
    first = np.array(probe(x, training=True))
    model.fit(x, labels, batch_size=32, epochs=5, shuffle=False, verbose=0)
    moved = np.array(probe(x, training=True)).mean(axis=0) - first.mean(axis=0)
    return np.mean(np.abs(moved) / first.std(axis=0))


def test_batch_normalization_reduces_the_drift_of_a_layers_outputs():
    without, with_norm = drift(norm=False), drift(norm=True)
    assert with_norm < 0.2 and without > 2 * with_norm
