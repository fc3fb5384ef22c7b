"""Styles: setting the mean and spread of each map, as StyleGAN does."""

import numpy as np

from kerasdl.formulas.normalization import standardized


def adaptive_instance_normalization(x, scale, shift, epsilon=1e-3):
    """Each channel of each image loses its own mean and spread and gets those of the style.

        y = s (x - mean) / sqrt(var + eps) + b        over height and width; s and b (batch, c)

    Spec: GAN-36

    >>> x = np.array([1.0, 3.0]).reshape(1, 2, 1, 1)
    >>> two = np.full((1, 1), 2.0)
    >>> adaptive_instance_normalization(x, two, two, epsilon=0).ravel().tolist()
    [0.0, 4.0]
    """
    normal = standardized(x, axis=(1, 2), epsilon=epsilon)
    return scale[:, None, None] * normal + shift[:, None, None]


def demodulated(kernel, style, epsilon=1e-8):
    """StyleGAN2 puts the style into the weights, and has each output channel keep its spread.

        w' = s_c w        w'' = w' / sqrt( sum_{h, w, c} w'^2 + eps )        kernel (h, w, c, f)

    Spec: GAN-36

    >>> demodulated(np.ones((1, 1, 2, 1)), np.array([3.0, 4.0])).round(6).ravel().tolist()
    [0.6, 0.8]
    """
    modulated = kernel * np.asarray(style)[:, None]
    return modulated / np.sqrt(np.sum(modulated**2, axis=(0, 1, 2)) + epsilon)
