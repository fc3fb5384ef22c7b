"""Metrics give the same result over batches as at once, and survive serialization."""

import keras
import numpy as np
import pytest

from kerasdl import metrics
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((12, 16, 16, 3)).astype("float32")
NOISY = np.clip(IMAGES + 0.1 * RANDOM.normal(size=IMAGES.shape), 0, 1).astype("float32")
CODES, OTHERS = RANDOM.normal(size=(2, 12, 4)).astype("float32")
CHANCES = RANDOM.dirichlet(np.ones(5), 12).astype("float32")
LABELS = RANDOM.integers(0, 5, 12)
TOKENS, SAID = RANDOM.integers(1, 4, (2, 12, 9))

CASES = {
    "BLEU": ({"order": 3}, TOKENS, SAID),
    "ExpectedCalibrationError": ({"bins": 7}, LABELS, CHANCES),
    "FrechetDistance": ({"width": 4}, CODES, OTHERS),
    "InceptionScore": ({"num_classes": 5}, LABELS, CHANCES),
    "ModesCovered": ({"centers": CODES[:3], "radius": 1.0, "quality": True}, OTHERS, CODES),
    "PSNR": ({"peak": 2.0}, IMAGES, NOISY),
    "Perplexity": ({"from_logits": False, "padding": 0}, LABELS, CHANCES),
    "SSIM": ({"peak": 2.0}, IMAGES, NOISY),
}
# of batches of its own: their mean is what is right on average
BATCHWISE = {"KernelDistance": ({}, CODES, OTHERS)}


def test_all_are_here():
    assert {*CASES, *BATCHWISE} == set(metrics.__all__)


def streamed(metric, y, predicted, size):
    metric.reset_state()
    for first in range(0, len(y), size):
        metric.update_state(y[first : first + size], predicted[first : first + size])
    return float(metric.result())


@pytest.mark.rows("GAN-42", "MET-01", "MET-04", "MET-05")
@pytest.mark.parametrize("name", CASES)
def test_batches_add_up(name):
    options, y, predicted = CASES[name]
    metric = getattr(metrics, name)(**options)
    at_once = streamed(metric, y, predicted, 12)
    assert np.isfinite(at_once) and at_once != 0
    assert streamed(metric, y, predicted, 5) == pytest.approx(at_once, rel=1e-5)


@pytest.mark.parametrize("name", [*CASES, *BATCHWISE])
def test_a_saved_metric_comes_back(name):
    options, y, predicted = {**CASES, **BATCHWISE}[name]
    metric = getattr(metrics, name)(**options)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    assert streamed(again, y, predicted, 12) == streamed(metric, y, predicted, 12)


def test_in_fit_and_of_a_network_s_features():
    features = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.GlobalMaxPooling2D()])
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 3, padding="same")])
    compared = [metrics.FrechetDistance(3, features), metrics.PSNR(), metrics.SSIM()]
    model.compile(loss="mse", metrics=compared)
    numbers = model.fit(NOISY, IMAGES, batch_size=5, verbose=0).history
    assert set(numbers) == {"loss", "frechet_distance", "psnr", "ssim"}
    assert np.isfinite([value for (value,) in numbers.values()]).all()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(compared[0]))
    assert again.features.output_shape == (None, 3)


def test_padding_says_nothing():
    metric = metrics.BLEU(order=2)
    metric.update_state([[1, 2, 3, 0, 0]], [[1, 2, 3, 0, 0]])
    assert float(metric.result()) == 1


def test_one_example_has_no_pairs():
    with pytest.raises(InvalidInput, match="at least two examples"):
        metrics.KernelDistance().update_state(CODES[:1], OTHERS)


def test_a_last_batch_of_one_example_does_not_count():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Activation("linear")])
    model.compile(loss="mse", metrics=[metrics.KernelDistance()])
    numbers = model.evaluate(CODES[:9], OTHERS[:9], batch_size=4, verbose=0, return_dict=True)
    expected = streamed(metrics.KernelDistance(), CODES[:8], OTHERS[:8], 4)
    assert numbers["kernel_distance"] == pytest.approx(expected, rel=1e-6)


def calibration(y, predicted, **options):
    metric = metrics.ExpectedCalibrationError(**options)
    metric.update_state(y, predicted)
    return float(metric.result())


@pytest.mark.rows("MET-18")
def test_calibration_of_labels_of_every_form():
    expected = calibration(LABELS, CHANCES)
    one_hot = np.eye(5)[LABELS]
    assert calibration(one_hot, CHANCES) == calibration(LABELS[:, None], CHANCES) == expected
    assert calibration(LABELS.reshape(3, 4), CHANCES.reshape(3, 4, 5)) == expected
    assert calibration(one_hot.reshape(3, 4, 5), CHANCES.reshape(3, 4, 5)) == expected
    logits = np.log(CHANCES).tolist()
    assert calibration(LABELS, logits, from_logits=True) == pytest.approx(expected, rel=1e-5)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Activation("linear")])
    model.compile(loss="categorical_crossentropy", metrics=[metrics.ExpectedCalibrationError()])
    found = model.evaluate(CHANCES, one_hot, batch_size=5, verbose=0, return_dict=True)
    assert found["calibration_error"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(12,), (12, 1), (3, 4, 1)])
def test_calibration_of_one_probability_is_that_of_two_classes(shape):
    p, labels = CHANCES[:, 0], LABELS % 2
    expected = calibration(labels, np.stack([1 - p, p], axis=-1))
    assert calibration(labels.reshape(shape), p.reshape(shape)) == pytest.approx(expected, rel=1e-6)
    logits = np.log(p / (1 - p)).reshape(shape)
    assert calibration(labels, logits, from_logits=True) == pytest.approx(expected, rel=1e-5)


def test_perplexity_of_half_precision():
    metric = metrics.Perplexity()
    metric.update_state(np.zeros((64, 256), "int32"), np.zeros((64, 256, 1000), "float16"))
    assert float(metric.result()) == pytest.approx(1000)


def test_perplexity_of_labels_in_a_column():
    p, labels = CHANCES.reshape(3, 4, 5), LABELS.reshape(3, 4)
    column, row = (metrics.Perplexity(False, padding=0) for _ in range(2))
    column.update_state(labels[..., None], p)
    row.update_state(labels, p)
    assert float(column.result()) == float(row.result())


@pytest.mark.parametrize(
    ("metric", "y", "predicted"),
    [
        (metrics.BLEU(), TOKENS, SAID[:1]),
        (metrics.BLEU(), TOKENS, SAID[:3]),
        (metrics.ExpectedCalibrationError(), LABELS[:4], CHANCES),
        (metrics.FrechetDistance(5), CODES, OTHERS),
        (metrics.FrechetDistance(4), CODES, OTHERS[0]),
        (metrics.InceptionScore(4), LABELS, CHANCES),
        (metrics.InceptionScore(4), LABELS, CHANCES[:, :1]),
        (metrics.KernelDistance(), CODES, OTHERS[:, :3]),
        (metrics.ModesCovered(CODES, 1.0), OTHERS, CODES[:, :1]),
        (metrics.PSNR(), IMAGES, NOISY[..., :1]),
        (metrics.PSNR(), IMAGES[:1], NOISY),
        (metrics.PSNR(), IMAGES[0], NOISY[0]),
        (metrics.SSIM(), IMAGES, NOISY[..., :1]),
        (metrics.SSIM(), IMAGES[:1], NOISY),
        (metrics.SSIM(), IMAGES[0], NOISY[0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_does_not_fit_is_said(metric, y, predicted):
    with pytest.raises(InvalidInput, match=f"input of {type(metric).__name__}"):
        metric.update_state(y, predicted)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("BLEU", {"order": 0}),
        ("ExpectedCalibrationError", {"bins": 0}),
        ("FrechetDistance", {"width": 0}),
        ("InceptionScore", {"num_classes": 0}),
        ("ModesCovered", {"centers": CODES, "radius": -1.0}),
        ("ModesCovered", {"centers": CODES, "radius": 1.0, "fraction": 2}),
        ("ModesCovered", {"centers": CODES[0], "radius": 1.0}),
        ("PSNR", {"peak": 0}),
        ("SSIM", {"peak": -1.0}),
    ],
)
def test_arguments_that_mean_nothing_are_refused(name, options):
    with pytest.raises(InvalidInput, match="value for argument"):
        getattr(metrics, name)(**options)


def test_weights_are_refused_where_they_mean_nothing():
    with pytest.raises(InvalidInput, match="weighted_metrics"):
        metrics.BLEU().update_state(TOKENS, SAID, sample_weight=np.ones(12))
