"""Normalization: keep a layer's numbers in a range that the next one can use."""

import numpy as np


def local_response_normalization(x, radius=2, bias=2.0, alpha=1e-4, beta=0.75):
    """Channels compete: each is divided by the energy of its neighbours, as in AlexNet.

        y_c = x_c / (k + alpha sum_{|c' - c| <= r} x_c'^2)^beta

    Spec: CNA-08. torch divides alpha by the window's size 2r + 1; the paper, TensorFlow and this
    do not.

    >>> local_response_normalization(np.array([3.0, 4.0, 0.0]), 1, bias=0.0, alpha=1.0, beta=0.5)
    array([0.6, 0.8, 0. ])
    """
    padded = np.pad(x**2, [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=-1)
    return x / (bias + alpha * windows.sum(-1)) ** beta
