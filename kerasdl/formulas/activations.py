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


def softmax(z, temperature=1.0):
    """Numbers of any sign as the parts of a whole: each row becomes positive and sums to 1.

        p_i = e^(z_i / T) / sum_j e^(z_j / T)

    The inputs, not their powers, are the logits. Taking the largest off first changes nothing but
    that no power overflows. T divides the logits of a last layer: near 0 the largest takes all, and
    a large T makes all alike. The notes bring it into attention, which has a divisor of its own.

    Spec: ACT-09, ACT-10, ACT-11, TRF-37

    >>> softmax(np.array([2.0, 1.0, 0.1])).round(3).tolist()
    [0.659, 0.242, 0.099]
    """
    z = np.asarray(z) / temperature
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
