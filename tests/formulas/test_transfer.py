"""Transfer learning, compared with Keras's schedules, applications and frozen networks."""

import keras
import numpy as np
import pytest

from kerasdl.formulas import normalization, transfer


def test_discriminative_rates_equal_keras_exponential_decay(same):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.4)
    theirs = [schedule(distance) for distance in (3, 2, 1, 0)]
    ours = transfer.discriminative_rates(0.01, 4, 0.4)
    formula = transfer.discriminative_rates
    same(formula, "keras.optimizers.schedules.ExponentialDecay", ours, theirs)


@pytest.mark.rows("E-72")
def test_decays_of_0_and_1_train_the_head_only_and_all_layers():
    """The rates cover everything from feature extraction to full fine-tuning."""
    assert transfer.discriminative_rates(0.1, 3, 0).tolist() == [0, 0, 0.1]
    assert transfer.discriminative_rates(0.1, 3, 1).tolist() == [0.1] * 3


def test_keras_sgd_applies_the_rates():
    rates = transfer.discriminative_rates(0.1, 3, 0.5)
    for rate in rates:
        variable = keras.Variable(np.ones(2))
        keras.optimizers.SGD(rate).apply([keras.ops.ones(2)], [variable])
        np.testing.assert_allclose(1 - variable.numpy(), rate, rtol=1e-6)


@pytest.mark.rows("E-81")
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocessing_equals_keras_applications(mode, same):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("float32")
    theirs = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
    ours = transfer.preprocess(images, mode)
    name = "keras.applications.imagenet_utils.preprocess_input"
    same(transfer.preprocess, name, ours, theirs)
    if mode == "caffe":
        theirs = keras.applications.resnet50.preprocess_input(images.copy())
        same(transfer.preprocess, "keras.applications.resnet50.preprocess_input", ours, theirs)
        raw = np.abs(images / 255 - theirs).max()  # images in [0, 1] are far off
        assert raw > 100


@pytest.mark.rows("TRL-01")
def test_a_frozen_backbone_does_not_change_while_its_new_head_learns():
    backbone = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu")])
    backbone.trainable = False
    model = keras.Sequential([backbone, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    model(x)
    before = [weight.numpy() for weight in (*backbone.weights, *model.layers[1].weights)]
    model.fit(x, np.ones(16), verbose=0)
    after = [weight.numpy() for weight in (*backbone.weights, *model.layers[1].weights)]
    unchanged = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert unchanged == [True, True, False, False]


def fine_tuned(frozen):
    """Fit a model whose base runs in inference mode; return the base's normalization and data."""
    norm = keras.layers.BatchNormalization(trainable=not frozen)
    base = keras.Sequential([keras.Input((3,)), norm, keras.layers.Dense(2)])
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    x = np.random.default_rng(0).normal(3, 2, size=(16, 3)).astype("float32")
    before = base.layers[1].kernel.numpy()
    model.fit(x, np.ones(16), verbose=0)
    assert np.any(base.layers[1].kernel.numpy() != before)  # the other layer of the base learns
    return norm, x


@pytest.mark.rows("E-81")
def test_frozen_batch_normalization_keeps_its_moving_averages(same):
    norm, x = fine_tuned(frozen=True)
    np.testing.assert_array_equal(norm.moving_mean, 0)
    np.testing.assert_array_equal(norm.moving_variance, 1)
    ours = normalization.batch_normalization_inference(x, 0.0, 1.0)
    name = "keras.layers.BatchNormalization, frozen, while a model is fitted"
    formula = normalization.batch_normalization_inference
    same(formula, name, ours, norm(x, training=True))


@pytest.mark.rows("E-81")
def test_inference_mode_alone_does_not_keep_the_moving_averages():
    norm, _ = fine_tuned(frozen=False)
    assert np.all(norm.moving_mean.numpy() > 0.01)
