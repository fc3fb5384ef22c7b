"""How like an image is to the one that it should be."""

import keras
import numpy as np
from keras import ops

from kerasdl import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class PSNR(keras.metrics.Mean):
    """The mean of the images' ratios of peak to noise, in decibels.

        10 log10( peak^2 / mean (a - b)^2 )

    Args:
        peak: The largest value that a pixel may have.

    Example:
        >>> metric = PSNR()
        >>> metric.update_state(ops.zeros((1, 8, 8, 1)), ops.full((1, 8, 8, 1), 0.1))
        >>> round(float(metric.result()), 4)
        20.0
    """

    def __init__(self, peak=1.0, name="psnr", dtype=None):
        super().__init__(name, dtype)
        checks.arguments(peak=peak)
        self.peak = peak

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = _images(self, y_true, y_pred)
        errors = ops.mean(ops.square(y_true - y_pred), axis=(1, 2, 3))
        ratios = -10 * ops.log10(ops.maximum(errors / self.peak**2, 1e-12))
        super().update_state(ratios, sample_weight)

    def get_config(self):
        return {**super().get_config(), "peak": self.peak}


@keras.saving.register_keras_serializable(package="kerasdl")
class SSIM(keras.metrics.Mean):
    """The mean structural similarity: means, variances and covariance under a moving window.

        (2 m m' + c) (2 s_ab + c') / ((m^2 + m'^2 + c) (s^2 + s'^2 + c'))

    with c = (0.01 peak)^2, c' = (0.03 peak)^2 and a Gaussian window of 11 pixels, or of the image.

    Args:
        peak: The largest value that a pixel may have.

    Example:
        >>> metric = SSIM()
        >>> metric.update_state(ops.ones((1, 16, 16, 1)), ops.ones((1, 16, 16, 1)))
        >>> float(metric.result())
        1.0

    Reference: Wang, Bovik, Sheikh, Simoncelli (2004), Image Quality Assessment: From Error
    Visibility to Structural Similarity.
    """

    def __init__(self, peak=1.0, name="ssim", dtype=None):
        super().__init__(name, dtype)
        checks.arguments(peak=peak)
        self.peak = peak

    def update_state(self, y_true, y_pred, sample_weight=None):
        a, b = _images(self, y_true, y_pred)
        window = _window(min(11, *a.shape[1:3]), a.shape[-1])

        def mean(images):
            return ops.depthwise_conv(images, window, padding="valid")

        mean_a, mean_b = mean(a), mean(b)
        covariance = mean(a * b) - mean_a * mean_b
        variances = mean(a * a) + mean(b * b) - mean_a**2 - mean_b**2
        c, d = (0.01 * self.peak) ** 2, (0.03 * self.peak) ** 2
        likeness = (2 * mean_a * mean_b + c) * (2 * covariance + d)
        likeness = likeness / ((mean_a**2 + mean_b**2 + c) * (variances + d))
        super().update_state(ops.mean(likeness, axis=(1, 2, 3)), sample_weight)

    def get_config(self):
        return {**super().get_config(), "peak": self.peak}


def _images(metric, y_true, y_pred):
    y_true, y_pred = (ops.cast(images, "float32") for images in (y_true, y_pred))
    checks.shaped(metric, y_true.shape, (None,) * 4)
    checks.shaped(metric, y_pred.shape, y_true.shape)
    return y_true, y_pred


def _window(size, channels, sigma=1.5):
    """(size, size, channels, 1), each channel sums to 1."""
    place = np.arange(size) - (size - 1) / 2
    row = np.exp(-(place**2) / (2 * sigma**2))
    window = np.outer(row, row) / row.sum() ** 2
    return np.repeat(window[..., None, None], channels, axis=2).astype("float32")
