"""Initialization, compared with Keras's initializers, PyTorch and deep networks."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import activations, initializers

TORCH = np.load(pathlib.Path(__file__).parents[1] / "reference" / "init_std.npz")["vals"]
KERNEL = (3, 3, 32, 64)  # Keras's order; PyTorch's is (64, 32, 3, 3)
N_IN, N_OUT = 288, 576


@pytest.mark.parametrize(
    ("formula", "ours", "theirs"),
    [
        (initializers.xavier_limit, initializers.xavier_limit(N_IN, N_OUT), "GlorotUniform"),
        (initializers.he_limit, initializers.he_limit(N_IN), "HeUniform"),
    ],
)
def test_limits_equal_keras_value_by_value(formula, ours, theirs, same):
    drawn = getattr(keras.initializers, theirs)(seed=1)(KERNEL)
    expected = keras.initializers.RandomUniform(-ours, ours, seed=1)(KERNEL)
    same(formula, f"keras.initializers.{theirs}", expected, drawn)
    assert np.abs(drawn).max() <= ours
    assert np.abs(drawn).max() > 0.999 * ours


@pytest.mark.parametrize(
    ("formula", "ours", "theirs"),
    [
        (initializers.xavier_deviation, initializers.xavier_deviation(N_IN, N_OUT), "GlorotNormal"),
        (initializers.he_deviation, initializers.he_deviation(N_IN), "HeNormal"),
    ],
)
def test_deviations_equal_keras_truncated_normals_value_by_value(formula, ours, theirs, same):
    drawn = getattr(keras.initializers, theirs)(seed=1)(KERNEL)
    wider = initializers.truncated_deviation(ours)
    expected = keras.initializers.TruncatedNormal(stddev=wider, seed=1)(KERNEL)
    same(formula, f"keras.initializers.{theirs}", expected, drawn)
    assert np.std(drawn) == pytest.approx(ours, rel=0.01)
    assert np.abs(drawn).max() <= 2 * wider


def test_deviation_of_a_truncated_normal_equals_scipy(same):
    from scipy import stats

    ours = 1 / initializers.truncated_deviation(1.0)
    same(
        initializers.truncated_deviation,
        "scipy.stats.truncnorm",
        ours,
        stats.truncnorm(-2, 2).std(),
    )


def test_uniform_limit_gives_the_deviation_of_scipy(same):
    from scipy import stats

    limit = initializers.uniform_limit(0.3)
    theirs = stats.uniform(-limit, 2 * limit).std()
    same(initializers.uniform_limit, "scipy.stats.uniform", 0.3, theirs)
    near = [
        d.cdf(0.1) - d.cdf(-0.1) for d in (stats.uniform(-limit, 2 * limit), stats.norm(0, 0.3))
    ]
    assert near[0] < near[1]  # a normal one has more mass at its mean


def test_fans_limits_and_deviations_equal_pytorch(same):
    init = initializers
    n_in, n_out = init.fans(KERNEL)
    name = "torch.nn.init (fixture)"
    same(init.fans, name, init.xavier_deviation(n_in, n_out), TORCH[1])
    same(init.xavier_limit, name, init.xavier_limit(n_in, n_out), TORCH[0])
    same(init.xavier_deviation, name, init.xavier_deviation(n_in, n_out), TORCH[1])
    same(init.he_limit, name, init.he_limit(n_in), TORCH[2])
    ours = [init.he_deviation(n_in), init.he_deviation(n_out), init.he_deviation(1, 0.2)]
    same(init.he_deviation, name, ours, TORCH[[3, 4, 6]])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (initializers.xavier_limit(784, 256), 0.075955),
        (initializers.xavier_deviation(784, 256), 0.043853),
        (initializers.he_limit(784), 0.087482),
        (initializers.he_deviation(784), 0.050508),
        (initializers.he_limit(784, 5**0.5), 0.035714),
        (initializers.he_limit(784, 5**0.5), 784**-0.5),
    ],
)
def test_known_limits_and_deviations(found, expected):
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.rows("E-37")
def test_default_initializers_are_not_he_uniform(same):
    layer = keras.layers.Dense(256)
    layer.build((None, 784))
    largest = np.abs(layer.get_weights()[0]).max()
    assert largest == pytest.approx(initializers.xavier_limit(784, 256), rel=1e-3)
    torch = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed=1)((784, 256))
    limit = initializers.he_limit(784, 5**0.5)
    expected = keras.initializers.RandomUniform(-limit, limit, seed=1)((784, 256))
    same(initializers.he_limit, "keras.initializers.VarianceScaling", expected, torch)


def deviations(activation, deviation, layers=10, width=256):
    """Return the standard deviation of the outputs of each layer."""
    generator = np.random.default_rng(0)
    x, found = generator.normal(size=(500, width)), []
    for _ in range(layers):
        x = activation(x @ generator.normal(0, deviation, (width, width)))
        found.append(x.std())
    return np.array(found)


def test_variance_after_layers(same):
    linear = deviations(lambda z: z, 0.05)
    ours = initializers.variance_after(1, 256, 0.05**2) ** 0.5
    assert linear[1:] / linear[:-1] == pytest.approx(ours, rel=0.1)
    layer = keras.layers.Dense(4000, kernel_initializer=keras.initializers.RandomNormal(0, 0.05, 1))
    x = np.random.default_rng(0).normal(size=(500, 256)).astype("float32")
    left = np.var(layer(x)) / np.var(x)
    ours = initializers.variance_after(1, 256, 0.05**2)
    same(initializers.variance_after, "keras.layers.Dense (drawn)", ours, left, at_most=0.02)


def test_variance_is_kept_only_by_the_initializer_for_the_activation():
    he, xavier = initializers.he_deviation(256), initializers.xavier_deviation(256, 256)
    relu, tanh = (deviations(*pair) for pair in ((activations.relu, he), (np.tanh, xavier)))
    assert relu[-1] / relu[0] == pytest.approx(1, abs=0.3)
    assert 0.2 < tanh[-1] / tanh[0] < 0.6
    too_small = deviations(activations.relu, xavier)
    expected = initializers.variance_after(9, 256, 1 / 256, kept=0.5) ** 0.5
    assert too_small[-1] / too_small[0] == pytest.approx(expected, rel=0.3)


def test_weights_that_are_too_small_or_too_large_vanish_or_saturate():
    assert 1e-17 < deviations(np.tanh, 0.01, layers=20)[-1] < 1e-15
    generator = np.random.default_rng(0)
    x = generator.normal(size=(100, 256))
    for _ in range(20):
        x = np.tanh(x @ generator.normal(0, 1.0, (256, 256)))
    assert np.mean(np.abs(x) > 0.9) > 0.85


def normalized(scale=1.0, deviation=0.1, norm=True, width=32, layers=2):
    """Make layers of equal width, with or without batch normalization after each."""
    parts = [keras.Input((64,))]
    for seed in range(layers):
        start = keras.initializers.RandomNormal(stddev=deviation, seed=seed)
        parts.append(keras.layers.Dense(width, use_bias=False, kernel_initializer=start))
        parts[-1].build((None, 64 if seed == 0 else width))
        parts[-1].kernel.assign(scale * parts[-1].kernel)
        parts += [keras.layers.BatchNormalization(epsilon=1e-9)] if norm else []
        parts.append(keras.layers.ReLU())
    head = keras.layers.Dense(10, kernel_initializer=keras.initializers.GlorotUniform(9))
    return keras.Sequential([*parts, head])


def test_larger_weights_before_batch_norm_have_a_smaller_effective_learning_rate(same):
    x = np.random.default_rng(0).normal(size=(50, 64)).astype("float32")
    y, scale, rate = np.eye(10, dtype="float32")[np.arange(50) % 10], 8.0, 0.2
    one, other = normalized(), normalized(scale)
    np.testing.assert_allclose(one(x, training=True), other(x, training=True), atol=1e-4)
    slow = initializers.effective_rate(rate, scale)
    for model, step in ((one, slow), (other, rate)):
        optimizer = keras.optimizers.SGD(step)
        kernels = [layer.kernel for layer in model.layers[:-1] if hasattr(layer, "kernel")]
        for _ in range(5):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
            values = [kernel.value for kernel in kernels]
            optimizer.apply(tape.gradient(loss, values), kernels)
    ours, theirs = (np.array(model.layers[0].kernel) for model in (one, other))
    name = "keras.layers.BatchNormalization, five steps of SGD"
    same(initializers.effective_rate, name, ours, theirs / scale, at_most=1e-5)
    assert np.abs(ours - normalized().layers[0].kernel).max() > 1e-4  # training changed the weights


def test_batch_norm_trains_from_any_initial_scale_but_not_equally_well():
    from kerasdl import data

    images, labels = next(data.load("digits", batch_size=1000).train.as_numpy_iterator())
    losses = {}
    for norm in (True, False):
        for deviation in (0.01, 1.0):
            model = normalized(deviation=deviation, norm=norm, layers=6)
            entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.1), entropy)
            for first in [*range(0, len(images), 32)] * 4:
                batch = images.reshape(-1, 64)[first : first + 32], labels[first : first + 32]
                model.train_on_batch(*batch)
            logits = model(images.reshape(-1, 64), training=True)
            losses[norm, deviation] = float(entropy(labels, logits))
    assert max(losses[True, 0.01], losses[True, 1.0]) < 1.8  # guessing gives 2.3
    # the final losses still depend on the initial scale
    assert losses[True, 1.0] > 1.5 * losses[True, 0.01]
    assert not losses[False, 0.01] < 2.25 and not losses[False, 1.0] < 2.25  # stuck, or NaN
