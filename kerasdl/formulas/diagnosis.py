"""Diagnosis: numbers that say why a network does not learn."""

import numpy as np


def gradient_health(norm, vanishing=1e-7, exploding=100.0):
    """What a gradient's length says.

        zero: n = 0    vanishing: n < 1e-7    exploding: n > 100, or no number    else ok

    The notes say that to look at it needs a `tf.function`. It does not: Keras is eager but for
    `fit`, and `compile(run_eagerly=True)` makes that eager too.

    Spec: DBG-03, E-79

    >>> [gradient_health(n) for n in (0.0, 1e-8, 1e-7, 100.0, 101.0)]
    ['zero', 'vanishing', 'ok', 'ok', 'exploding']
    """
    if norm == 0:
        return "zero"
    if not norm <= exploding:
        return "exploding"
    return "vanishing" if norm < vanishing else "ok"


def slope_along(f, w, direction, h=1e-5):
    """How a loss really changes when the weights move: what any gradient must say too.

        grad f(w) . v = (f(w + h v) - f(w - h v)) / 2h

    Spec: DBG-04

    >>> round(float(slope_along(lambda w: w[0] * w[1], np.array([2.0, 3.0]), np.ones(2))), 6)
    5.0
    """
    return (f(w + h * direction) - f(w - h * direction)) / (2 * h)


def relative_error(a, b):
    """How unlike two slopes are: in float64 below 1e-4 for a gradient that is right.

        |a - b| / (|a| + |b|)

    Spec: DBG-04

    >>> round(float(relative_error(1.0, 1.0002)), 5)
    0.0001
    """
    return np.abs(a - b) / (np.abs(a) + np.abs(b))
