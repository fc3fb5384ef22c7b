"""Style layers of StyleGAN: set the mean and spread of each feature map."""

import numpy as np

from kerasdl.formulas.normalization import standardized


def adaptive_instance_normalization(
    x: np.ndarray, scale: np.ndarray, shift: np.ndarray, epsilon: float = 1e-3
) -> np.ndarray:
    """Adaptive instance normalization (AdaIN): replace each channel's statistics by the style's.

        y = s (x - mean) / sqrt(var + eps) + b        over height and width; s and b (batch, c)

    Args:
        x: array (batch, height, width, channels).
        scale: array (batch, channels), s.
        shift: array (batch, channels), b.
        epsilon: float, added to the variance.

    >>> x = np.array([1.0, 3.0]).reshape(1, 2, 1, 1)
    >>> two = np.full((1, 1), 2.0)
    >>> adaptive_instance_normalization(x, two, two, epsilon=0).ravel().tolist()
    [0.0, 4.0]

    Reference: Huang and Belongie, 2017.
    """
    normal = standardized(x, axis=(1, 2), epsilon=epsilon)
    return scale[:, None, None] * normal + shift[:, None, None]


def demodulated(
    kernel: float | np.ndarray, style: float | np.ndarray, epsilon: float = 1e-8
) -> np.ndarray:
    """Weight demodulation of StyleGAN2: scale weights by the style, then restore their norm.

        w' = s_c w        w'' = w' / sqrt( sum_{h, w, c} w'^2 + eps )        kernel (h, w, c, f)

    Args:
        kernel: array (h, w, c, f).
        style: array (c,), s.
        epsilon: float, avoids a division by 0.

    >>> demodulated(np.ones((1, 1, 2, 1)), np.array([3.0, 4.0])).round(6).ravel().tolist()
    [0.6, 0.8]

    Reference: Karras et al., 2020.
    """
    modulated = kernel * np.asarray(style)[:, None]
    return modulated / np.sqrt(np.sum(modulated**2, axis=(0, 1, 2)) + epsilon)
