"""Ways from one code to another."""

import numpy as np


def line(a, b, steps):
    """Codes on the straight line, both ends included: with a VAE's means each looks like something.

        z_t = (1 - t) a + t b

    Spec: AEN-22

    >>> line(np.zeros(2), np.ones(2), 3).tolist()
    [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    """
    share = np.linspace(0, 1, steps)[:, None]
    return (1 - share) * a + share * b


def arc(a, b, steps):
    """Codes on the great circle: drawn codes of many dimensions lie near a sphere, not inside.

        z_t = (sin((1 - t) w) a + sin(t w) b) / sin w        cos w = a . b / (|a| |b|)

    Spec: GAN-15

    >>> arc(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3).round(3).tolist()
    [[1.0, 0.0], [0.707, 0.707], [0.0, 1.0]]
    """
    w = np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    share = np.linspace(0, 1, steps)[:, None]
    return (np.sin((1 - share) * w) * a + np.sin(share * w) * b) / np.sin(w)
