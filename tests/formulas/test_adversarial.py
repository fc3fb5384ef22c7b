"""GAN variants, compared with DCGAN, Keras, SciPy, scikit-learn and GradientTape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import spatial
from sklearn import metrics

from kerasdl.formulas import activations, adversarial
from kerasdl.models.generative.dcgan import Discriminator, Generator


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def trainable(model):
    return sum(np.prod(w.shape) for w in model.trainable_weights)


@pytest.mark.rows("E-31")
def test_parameter_counts_equal_dcgan(same):
    for formula, network in (
        (adversarial.dcgan_generator_parameters, Generator),
        (adversarial.dcgan_discriminator_parameters, Discriminator),
    ):
        name = f"kerasdl.models.generative.dcgan.{network.__name__}"
        same(formula, name, formula(), trainable(network()), at_most=0)
    bare = Discriminator(8, batch_normalization=False, input_shape=(32, 32, 1))
    ours = adversarial.dcgan_discriminator_parameters(8, 4, 3, 1, normalized=False)
    assert ours == trainable(bare)


@pytest.mark.rows("E-33")
def test_a_dense_first_layer_equals_a_transposed_convolution(generator):
    z = generator.normal(size=(2, 100)).astype("float32")
    up = keras.layers.Conv2DTranspose(512, 4, use_bias=False)
    theirs = up(z[:, None, None])
    assert up.count_params() == 819_200
    kernel = up.get_weights()[0]  # (4, 4, 512, 100)
    dense = (z @ kernel.reshape(-1, 100).T).reshape(2, 4, 4, 512)
    np.testing.assert_allclose(dense, theirs, atol=1e-4)


@pytest.mark.rows("E-30", "E-32")
def test_generator_uses_relu_and_discriminator_leaky_relu_after_batch_norm():
    def kinds(model):
        return [type(layer).__name__ for layer in model.layers]

    up = ["Conv2DTranspose", "BatchNormalization", "Activation"]
    made = Generator(width=8, image_shape=(16, 16, 1))
    assert kinds(made)[2:-1] == up * 2
    assert made.layers[4].activation is keras.activations.relu
    judged = Discriminator(width=8, input_shape=(32, 32, 1))
    down = ["Conv2D", "BatchNormalization", "LeakyReLU"]
    assert kinds(judged)[1:-2] == ["Conv2D", "LeakyReLU", *down, *down]
    assert judged.layers[2].negative_slope == pytest.approx(0.2)
    logit = judged.layers[-2]
    assert logit.activation is keras.activations.linear  # no sigmoid before a loss of logits


def test_feature_matching_equals_keras_squared_error_of_means(generator, same):
    real, fake = generator.normal(size=(2, 6, 4)).astype("float32")
    means = [keras.ops.mean(part, axis=0) for part in (real, fake)]
    theirs = keras.losses.MeanSquaredError(reduction="sum")(*means) * 4
    ours = adversarial.feature_matching_loss(real, fake)
    same(adversarial.feature_matching_loss, "keras.losses.MeanSquaredError", ours, theirs)
    assert adversarial.feature_matching_loss(real, real) == 0


def test_minibatch_discrimination_equals_scipy_distances_and_grows_with_collapse(generator, same):
    x, t = generator.normal(size=(6, 4)), generator.normal(size=(4, 3, 2))
    ours = adversarial.minibatch_discrimination(x, t)
    near = [
        np.exp(-spatial.distance.cdist(x @ t[:, k], x @ t[:, k], "cityblock")).sum(axis=1) - 1
        for k in range(3)
    ]
    theirs = np.concatenate([x, np.transpose(near)], axis=1)
    formula = adversarial.minibatch_discrimination
    same(formula, "scipy.spatial.distance.cdist", ours, theirs)
    assert ours.shape == (6, 4 + 3)
    collapsed = formula(np.repeat(x[:1], 6, axis=0), t)
    assert collapsed[:, 4:].min() > ours[:, 4:].max()


@pytest.mark.rows("E-35")
def test_the_bilinear_game_equals_two_keras_optimizers_and_diverges(same):
    x, y = keras.Variable(1.0), keras.Variable(0.5)
    optimizers = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.4)
    ours = (1.0, 0.5)
    for _ in range(20):
        slopes = tf.constant(y.numpy()), tf.constant(-x.numpy())
        for optimizer, slope, variable in zip(optimizers, slopes, (x, y), strict=True):
            optimizer.apply([slope], [variable])
        ours = adversarial.bilinear_step(*ours, 0.1, 0.4)
    same(adversarial.bilinear_step, "keras.optimizers.SGD", list(ours), [x, y])
    ours = (1.0, 0.0)
    for _ in range(50):
        ours = adversarial.bilinear_step(*ours, 0.1, 0.1)
    assert np.hypot(*ours) == pytest.approx((1 + 0.1**2) ** 25)


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_unrolled_gradient_equals_the_gradient_through_the_opponents_steps(steps, same):
    x, y = tf.Variable(0.7, dtype="float64"), tf.Variable(-0.3, dtype="float64")
    with tf.GradientTape() as tape:
        ahead = tf.identity(y)
        for _ in range(steps):
            ahead = ahead + 0.2 * x  # x is the derivative of x y by y
        value = x * ahead
    ours = adversarial.unrolled_slope(0.7, -0.3, 0.2, steps)
    same(adversarial.unrolled_slope, "tf.GradientTape", ours, tape.gradient(value, x))


def test_unrolled_steps_converge_in_the_bilinear_game():
    x, y = 1.0, 0.5
    for _ in range(300):
        x, y = x - 0.1 * adversarial.unrolled_slope(x, y, 0.1, 5), y + 0.1 * x
    assert np.hypot(x, y) < 1e-3


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_fade_in_equals_a_mixture_with_keras_upsampling(share, generator, same):
    old, new = generator.random((2, 4, 4, 3)), generator.random((2, 8, 8, 3))
    doubled = np.array(keras.layers.UpSampling2D(2, dtype="float64")(old))
    ours = adversarial.fade_in(old, new, share)
    theirs = keras.layers.Average(dtype="float64")([2 * (1 - share) * doubled, 2 * share * new])
    same(adversarial.fade_in, "keras.layers.UpSampling2D", ours, theirs)
    if share in (0, 1):
        np.testing.assert_array_equal(ours, (doubled, new)[int(share)])


def test_cycle_loss_equals_keras_absolute_error_and_is_0_for_inverses(generator, same):
    x, back = generator.normal(size=(2, 5, 2)).astype("float32")
    theirs = keras.losses.MeanAbsoluteError()(x, back)
    ours = adversarial.cycle_loss(x, back)
    same(adversarial.cycle_loss, "keras.losses.MeanAbsoluteError", ours, theirs)
    assert adversarial.cycle_loss(x, (2 * x + 3 - 3) / 2) == pytest.approx(0, abs=1e-6)


def test_pix2pix_loss_equals_keras_cross_entropy_plus_100_absolute_errors(generator, same):
    logits = generator.normal(size=(2, 30, 30)).astype("float32")
    y, p = generator.random((2, 4, 4)).astype("float32")
    verdict = keras.losses.BinaryCrossentropy(from_logits=True)(np.ones_like(logits), logits)
    theirs = verdict + 100 * keras.losses.MeanAbsoluteError()(y, p)
    ours = adversarial.pix2pix_loss(activations.sigmoid(logits), y, p)
    same(adversarial.pix2pix_loss, "keras.losses.BinaryCrossentropy", ours, theirs)


@pytest.mark.parametrize("size", [64, 256])
def test_patch_grid_equals_the_output_size_of_keras_convolutions(size, same):
    shape = (1, size, size, 1)
    for stride in (2, 2, 2, 1, 1):
        _, height, width, _ = shape
        layer = keras.layers.Conv2D(1, 4, stride)
        shape = layer.compute_output_shape((1, height + 2, width + 2, 1))
    ours = adversarial.patch_grid(size)
    same(adversarial.patch_grid, "keras.layers.Conv2D", ours, shape[1], at_most=0)


def test_information_bound_equals_scikit_learn_for_the_best_q(generator, same):
    c, x = generator.integers(0, 3, (2, 500))
    x = np.where(generator.random(500) < 0.6, c, x)  # 60 % of the images show their code
    table = metrics.cluster.contingency_matrix(x, c)
    q = table / table.sum(axis=1, keepdims=True)
    p = np.bincount(c) / 500
    entropy = -np.sum(p * np.log(p))
    theirs = metrics.mutual_info_score(c, x)
    ours = adversarial.information_bound(np.log(q[x, c]), entropy)
    same(adversarial.information_bound, "sklearn.metrics.mutual_info_score", ours, theirs)
    worse = (q + 1 / 3) / 2
    assert adversarial.information_bound(np.log(worse[x, c]), entropy) < theirs


def test_semi_supervised_loss_equals_keras_cross_entropy_of_logits(generator, same):
    real, fake = generator.normal(size=(2, 6, 5)).astype("float32")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    logit = [keras.ops.logsumexp(z, axis=-1) for z in (real, fake)]
    theirs = loss(np.ones(6), logit[0]) + loss(np.zeros(6), logit[1])
    ours = adversarial.semi_supervised_loss(real, fake)
    same(adversarial.semi_supervised_loss, "keras.losses.BinaryCrossentropy", ours, theirs)
    more = activations.softmax(np.concatenate([real, np.zeros((6, 1))], axis=1))
    np.testing.assert_allclose(1 - more[:, -1], activations.sigmoid(logit[0].numpy()), rtol=1e-5)
    assert np.isfinite(adversarial.semi_supervised_loss(1e4 * real, 1e4 * fake))
