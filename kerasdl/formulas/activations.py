"""Activations: what a neuron makes of its weighted sum."""

import numpy as np


def step(z):
    """The perceptron's threshold, which says yes at exactly 0 too.

        f(z) = 1 if z >= 0 else 0

    Spec: BAS-05

    >>> step(np.array([-0.1, 0.0, 3.0]))
    array([0, 1, 1])
    """
    return (np.asarray(z) >= 0).astype(int)


def sigmoid(z):
    """A soft step; its slope sigma (1 - sigma) is never above 1/4.

        sigma(z) = 1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2        the second form cannot overflow

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z)))


def relu(z):
    """Pass what is positive.

        f(z) = max(0, z)

    >>> relu(np.array([-2.0, 3.0])).tolist()
    [0.0, 3.0]
    """
    return np.maximum(0, z)
