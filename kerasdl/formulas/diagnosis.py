"""Diagnosis: gradient norms and numerical checks."""

from collections.abc import Callable

import numpy as np


def gradient_health(norm: float, vanishing: float = 1e-7, exploding: float = 100.0) -> str:
    """Classify a gradient norm as "zero", "vanishing", "exploding" or "ok".

        zero: n = 0    vanishing: n < 1e-7    exploding: n > 100 or not finite    else ok

    Inspecting gradients needs no `tf.function`: Keras is eager except in `fit`, and
    `compile(run_eagerly=True)` makes that eager too.

    Args:
        norm: float, norm n of the gradient.
        vanishing: float, limit below which it vanishes.
        exploding: float, limit above which it explodes.

    >>> [gradient_health(n) for n in (0.0, 1e-8, 1e-7, 100.0, 101.0)]
    ['zero', 'vanishing', 'ok', 'ok', 'exploding']
    """
    if norm == 0:
        return "zero"
    if not norm <= exploding:
        return "exploding"
    return "vanishing" if norm < vanishing else "ok"


def slope_along(
    f: Callable, w: float | np.ndarray, direction: float | np.ndarray, h: float = 1e-5
) -> np.ndarray:
    """Directional derivative by central differences, to check a gradient.

        grad f(w) . v = (f(w + h v) - f(w - h v)) / 2h

    Args:
        f: function of w.
        w: array, weights.
        direction: array like w, direction v.
        h: float, step.

    >>> round(float(slope_along(lambda w: w[0] * w[1], np.array([2.0, 3.0]), np.ones(2))), 6)
    5.0
    """
    return (f(w + h * direction) - f(w - h * direction)) / (2 * h)


def relative_error(a: float | np.ndarray, b: float | np.ndarray) -> np.ndarray:
    """Relative difference of two slopes: below 1e-4 in float64 if the gradient is right.

        |a - b| / (|a| + |b|)

    Args:
        a: array.
        b: array.

    >>> round(float(relative_error(1.0, 1.0002)), 5)
    0.0001
    """
    return np.abs(a - b) / (np.abs(a) + np.abs(b))
