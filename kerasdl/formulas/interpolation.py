"""Interpolation between two latent codes."""

import numpy as np


def line(a: float | np.ndarray, b: float | np.ndarray, steps: int) -> np.ndarray:
    """Linear interpolation between two codes, ends included.

        z_t = (1 - t) a + t b

    Args:
        a: array (d,), first code.
        b: array (d,), last code.
        steps: int, number of codes.

    >>> line(np.zeros(2), np.ones(2), 3).tolist()
    [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    """
    t = np.linspace(0, 1, steps)[:, None]
    return (1 - t) * a + t * b


def arc(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Spherical interpolation between two codes, ends included.

        z_t = (sin((1 - t) w) a + sin(t w) b) / sin w        cos w = a . b / (|a| |b|)

    Random codes of many dimensions lie near a sphere, which a straight line leaves.

    Args:
        a: array (d,), first code.
        b: array (d,), last code.
        steps: int, number of codes.

    >>> arc(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3).round(3).tolist()
    [[1.0, 0.0], [0.707, 0.707], [0.0, 1.0]]

    Reference: Shoemake, 1985.
    """
    w = np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    t = np.linspace(0, 1, steps)[:, None]
    return (np.sin((1 - t) * w) * a + np.sin(t * w) * b) / np.sin(w)
