"""Interpolate between two codes."""

from keras import ops


def line(a, b, steps: int):
    """Return `steps` codes on the straight line from `a` to `b`, both included.

        z_t = (1 - t) a + t b

    >>> line(ops.zeros(2), ops.ones(2), 3).numpy().tolist()
    [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    """
    fraction = ops.linspace(0.0, 1.0, steps)[:, None]  # (steps, 1)
    return (1 - fraction) * a + fraction * b


def arc(a, b, steps: int):
    """Return `steps` codes on the great circle from `a` to `b`, both included.

    Gaussian codes of many dimensions lie near a sphere; the straight line between two codes passes
    through the inside of the sphere, where there were no codes in training.

        z_t = (sin((1 - t) w) a + sin(t w) b) / sin(w)        w: the angle between a and b

    >>> arc(ops.array([1.0, 0.0]), ops.array([0.0, 1.0]), 3).numpy().round(3)
    array([[1.   , 0.   ],
           [0.707, 0.707],
           [0.   , 1.   ]], dtype=float32)
    """
    angle = ops.arccos(ops.clip(ops.sum(a * b) / (ops.norm(a) * ops.norm(b)), -1.0, 1.0))
    if ops.sin(angle) < 1e-3:  # parallel codes: the great circle is not unique
        return line(a, b, steps)
    fraction = ops.linspace(0.0, 1.0, steps)[:, None]  # (steps, 1)
    return (ops.sin((1 - fraction) * angle) * a + ops.sin(fraction * angle) * b) / ops.sin(angle)
