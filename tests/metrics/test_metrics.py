"""Metrics: streamed over batches they are what they are at once; saved, they come back."""

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
    "ModesCovered": ({"centres": CODES[:3], "radius": 1.0, "quality": True}, OTHERS, CODES),
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


def test_weights_are_refused_where_they_mean_nothing():
    with pytest.raises(InvalidInput, match="weighted_metrics"):
        metrics.BLEU().update_state(TOKENS, SAID, sample_weight=np.ones(12))
