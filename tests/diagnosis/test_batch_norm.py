"""The doctor finds outdated moving averages of batch normalization, without false alarms."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.diagnosis import batch_norm, label_symptoms, model_symptoms
from tests.diagnosis.runs import VX, VY, X, Y, dense, found, network, run

layers = keras.layers
NAME = "outdated batch normalization averages"


def norm(x, momentum=0.999, **options):
    return layers.BatchNormalization(momentum=momentum, **options)(x)


def hard_swish(x):
    return layers.Activation("hard_swish")(x)


def squeeze_excite(x):
    scale = layers.GlobalAveragePooling2D(keepdims=True)(x)
    scale = layers.Conv2D(x.shape[-1] // 4, 1, activation="relu")(scale)
    return x * layers.Conv2D(x.shape[-1], 1, activation="hard_sigmoid")(scale)


def mobile(activation, attention=lambda x: x, momentum=0.999):
    """Make a network of five inverted residual blocks for 8x8 digits, as in MobileNetV2 and V3."""
    inputs = keras.Input((8, 8, 1))
    x = activation(norm(layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs), momentum))
    for filters, strides in ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1)):
        y = activation(norm(layers.Conv2D(4 * x.shape[-1], 1, use_bias=False)(x), momentum))
        y = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y)
        y = attention(activation(norm(y, momentum)))
        y = norm(layers.Conv2D(filters, 1, use_bias=False)(y), momentum)
        x = x + y if x.shape == y.shape else y
    x = activation(norm(layers.Conv2D(128, 1, use_bias=False)(x), momentum))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


MAKE = {
    "MobileNetV2": lambda: mobile(layers.ReLU(6.0)),
    "MobileNetV3": lambda: mobile(hard_swish, squeeze_excite),
}


@pytest.fixture(scope="module")
def case_of():
    """A function that trains a network of MAKE by its name, each once."""
    return functools.cache(lambda name: run(MAKE[name], epochs=3))


@pytest.mark.parametrize(
    "name", ["MobileNetV2", pytest.param("MobileNetV3", marks=pytest.mark.slow)]
)
def test_outdated_averages_are_found_with_layers_and_numbers(name, case_of):
    case = case_of(name)
    assert case.validation_accuracy[-1] < 0.3 and case.history["accuracy"][-1] > 0.6
    before = case.model.get_weights()
    finding = found(case)
    assert finding.name == NAME, str(finding)
    compared = batch_norm.compare(case)
    assert compared.batch_accuracy > 0.6 > 0.3 > compared.average_accuracy
    for number in (f"{compared.batch_loss:.3g}", f"{compared.average_loss:.3g}", "0.999"):
        assert number in finding.evidence
    assert sum(path in finding.evidence for path in compared.outputs) >= 3
    for a, b in zip(before, case.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow  # trains twice
def test_the_advice_raises_the_accuracy(case_of):
    case = case_of("MobileNetV2")
    before = case.model.get_weights()
    for layer in batch_norm.normalizers(case.model):
        layer.momentum = 0.9
    for images, _ in case.train.repeat().take(100):  # then 3e-5 of the old averages is left
        case.model(images, training=True)
    accuracy = case.model.evaluate(VX, VY, verbose=0, return_dict=True)["accuracy"]
    assert batch_norm.outdated_averages(case) is None
    case.model.set_weights(before)
    for layer in batch_norm.normalizers(case.model):
        layer.momentum = 0.999
    assert accuracy > 0.7
    faster = run(lambda: mobile(layers.ReLU(6.0), momentum=0.9), epochs=3)
    assert batch_norm.outdated_averages(faster) is None


def test_units_that_are_zero_only_with_outdated_averages_are_not_dead(case_of):
    case = case_of("MobileNetV2")
    assert model_symptoms.dead_units(case) is None
    assert model_symptoms.bad_gradients(case) is None


@pytest.mark.slow  # trains twice
def test_outdated_averages_are_not_reported_as_wrong_labels(case_of):
    case = case_of("MobileNetV2")
    largest = case.class_fractions.max()
    assert label_symptoms._fails_on_validation(case, largest) is None
    assert batch_norm.validation_accuracy(case) > 0.5
    wrong = run(MAKE["MobileNetV2"], y=np.random.default_rng(0).permutation(Y), epochs=3)
    assert label_symptoms._fails_on_validation(wrong, largest)


def convolutions(**options):
    parts = []
    for filters in (16, 32):
        parts += [layers.Conv2D(filters, 3, use_bias=False), layers.BatchNormalization(**options)]
        parts += [layers.ReLU()]
    return parts


def healthy():
    return run(lambda: network(*convolutions(), *dense(32)), epochs=10)


def healthy_with_small_batches():
    return run(lambda: network(*convolutions(momentum=0.9), *dense(32)), epochs=3, batch=4)


def healthy_after_two_epochs():
    return run(lambda: network(*convolutions(momentum=0.9), layers.Flatten()), epochs=2)


def healthy_with_dropout():
    hidden = [*dense(64), layers.BatchNormalization(), layers.Dropout(0.5)]
    return run(lambda: network(*hidden), epochs=20)


def healthy_with_frozen_averages():
    """Frozen batch normalization, as in fine-tuning, uses its averages in training too."""

    def make():
        model = network(*convolutions(momentum=0.9), *dense(32))
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
        return model

    return run(make, epochs=8)


def healthy_regression():
    model = lambda: network(*convolutions(momentum=0.9), layers.Flatten())  # noqa: E731
    pixels = lambda x: x.reshape(len(x), 64)[:, 20:30]  # noqa: E731
    return run(model, y=pixels(X), vy=pixels(VX), loss="mse", epochs=8)


@pytest.mark.parametrize(
    "make",
    [
        healthy,
        pytest.param(healthy_with_small_batches, marks=pytest.mark.slow),
        healthy_after_two_epochs,
        healthy_with_dropout,
        healthy_with_frozen_averages,
        pytest.param(healthy_regression, marks=pytest.mark.slow),
    ],
)
def test_averages_of_healthy_runs_are_not_reported(make):
    case = make()
    assert batch_norm.outdated_averages(case) is None
    assert bool(batch_norm.normalizers(case.model)) == (make is not healthy_with_frozen_averages)
    if make is healthy:
        report = diagnosis.doctor(case)
        assert report.finding is None, str(report.finding)


class Nested(layers.Layer):
    """A layer that passes `training` on to its sublayer."""

    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()

    def call(self, inputs, training=False):
        return self.norm(inputs, training=training)


def test_batch_statistics_apply_training_mode_only_to_batch_normalization():
    keras.utils.set_random_seed(0)
    x = 3 + 2 * np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), Nested(), layers.Dropout(0.5)])
    before = model.get_weights()
    with batch_norm.batch_statistics(model):
        outputs = np.array(model(x, training=False))
        (layer,) = batch_norm.normalizers(model)
        np.testing.assert_allclose(layer.moving_mean, x.mean(axis=0), rtol=1e-5)
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert layer.momentum == 0.99 and "call" not in vars(layer)
    np.testing.assert_allclose(model(x, training=False), x / np.sqrt(1.001), rtol=1e-5)


def test_models_without_batch_normalization_or_labels_are_not_compared():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 4), "float32")
    data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(4)
    assert batch_norm.compare(diagnosis.Case(model, data, None, {})) is None
    assert batch_norm.outdated_averages(diagnosis.Case(model, data, None, {})) is None


@pytest.mark.slow  # a large network is traced
@pytest.mark.parametrize("make", [keras.applications.MobileNetV2])
def test_mobilenet_of_keras_applications_after_three_epochs(make):
    size = {"x": np.repeat(X.repeat(4, 1).repeat(4, 2), 3, 3)}
    size["vx"] = np.repeat(VX.repeat(4, 1).repeat(4, 2), 3, 3)
    options = {"weights": None, "classes": 10, "classifier_activation": None}
    case = run(lambda: make((32, 32, 3), **options), rate=1e-3, epochs=3, **size)
    assert case.validation_accuracy[-1] < 0.3
    assert found(case).name == NAME
