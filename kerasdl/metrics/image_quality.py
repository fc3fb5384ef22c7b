"""Similarity of an image to its original: PSNR and SSIM."""

import keras
import numpy as np
from keras import ops

from kerasdl.metrics.base import within
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class PSNR(keras.metrics.Mean):
    """Mean peak signal-to-noise ratio of images, in decibels.

        10 log10( peak^2 / mean (a - b)^2 )

    A pixel of the original outside of [-peak, peak] is an error if `update_state` is called
    directly; in `fit` and `evaluate` it makes the result NaN. Predictions may be outside.

    Args:
        peak: float, the largest possible value of a pixel; for images in [-1, 1] it is 2, the width
            of their range.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = PSNR()
        >>> metric.update_state(ops.zeros((1, 8, 8, 1)), ops.full((1, 8, 8, 1), 0.1))
        >>> round(float(metric.result()), 4)
        20.0
    """

    def __init__(
        self, peak: float = 1.0, name: str = "psnr", dtype: str | keras.DTypePolicy | None = None
    ):
        checks.numbers(above=0, peak=peak)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(name, dtype)
        self.peak = float(peak)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add images `y_true` and `y_pred`, both of shape (batch, height, width, channels)."""
        y_true, y_pred = _images(self, y_true, y_pred)
        errors = ops.mean(ops.square(y_true - y_pred), axis=(1, 2, 3))
        # equal images would have an infinite ratio
        ratios = -10 * ops.log10(ops.maximum(errors / self.peak**2, 1e-12))
        super().update_state(ratios, sample_weight)

    def get_config(self):
        return {**super().get_config(), "peak": self.peak}


@keras.saving.register_keras_serializable(package="kerasdl")
class SSIM(keras.metrics.Mean):
    """Mean structural similarity of images.

    Means m, variances s^2 and the covariance s_ab are taken under a moving Gaussian window of 11
    pixels, or of the image if that is smaller:

        (2 m m' + c) (2 s_ab + c') / ((m^2 + m'^2 + c) (s^2 + s'^2 + c'))

    with c = (0.01 peak)^2 and c' = (0.03 peak)^2.

    A pixel of the original outside of [-peak, peak] is an error if `update_state` is called
    directly; in `fit` and `evaluate` it makes the result NaN. Predictions may be outside.

    Args:
        peak: float, the largest possible value of a pixel; for images in [-1, 1] it is 2, the width
            of their range.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = SSIM()
        >>> metric.update_state(ops.ones((1, 16, 16, 1)), ops.ones((1, 16, 16, 1)))
        >>> float(metric.result())
        1.0

    Reference: Wang, Bovik, Sheikh, Simoncelli (2004), Image Quality Assessment: From Error
    Visibility to Structural Similarity.
    """

    def __init__(
        self, peak: float = 1.0, name: str = "ssim", dtype: str | keras.DTypePolicy | None = None
    ):
        checks.numbers(above=0, peak=peak)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(name, dtype)
        self.peak = float(peak)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add images `y_true` and `y_pred`, both of shape (batch, height, width, channels)."""
        a, b = _images(self, y_true, y_pred)
        window = _window(min(11, *a.shape[1:3]), a.shape[-1])

        def mean(images):
            return ops.depthwise_conv(images, window, padding="valid")

        mean_a, mean_b = mean(a), mean(b)
        covariance = mean(a * b) - mean_a * mean_b
        variances = mean(a * a) + mean(b * b) - mean_a**2 - mean_b**2
        c, d = (0.01 * self.peak) ** 2, (0.03 * self.peak) ** 2
        similarity = (2 * mean_a * mean_b + c) * (2 * covariance + d)
        similarity = similarity / ((mean_a**2 + mean_b**2 + c) * (variances + d))
        super().update_state(ops.mean(similarity, axis=(1, 2, 3)), sample_weight)

    def get_config(self):
        return {**super().get_config(), "peak": self.peak}


def _images(metric, y_true, y_pred):
    y_true, y_pred = (ops.cast(images, "float32") for images in (y_true, y_pred))
    checks.shaped(metric, y_true.shape, (None,) * 4)
    checks.shaped(metric, y_pred.shape, y_true.shape)
    y_true = within(metric, y_true, metric.peak, "pixels", lowest=-metric.peak)
    return ops.cast(y_true, "float32"), y_pred


def _window(size, channels, sigma=1.5):
    """A Gaussian window (size, size, channels, 1) that sums to 1 in each channel."""
    place = np.arange(size) - (size - 1) / 2
    row = np.exp(-(place**2) / (2 * sigma**2))
    window = np.outer(row, row) / row.sum() ** 2
    return np.repeat(window[..., None, None], channels, axis=2).astype("float32")
