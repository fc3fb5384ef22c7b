"""Losses: how wrong a prediction is, as one number."""

import numpy as np


def binary_cross_entropy(y, p, epsilon=1e-7):
    """The mean surprise, in nats, at the labels y when p was said to be the chance of 1.

        L = -mean( y log p + (1 - y) log(1 - p) )

    The notes clip p by 1e-15, which float32 rounds away: 1 - 1e-15 is 1, and the loss is NaN.

    >>> round(float(binary_cross_entropy(np.array([1, 0]), np.array([0.9, 0.1]))), 4)
    0.1054
    """
    p = np.clip(p, epsilon, 1 - epsilon)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def cross_entropy(y, p):
    """The mean surprise, in nats, at the classes y when p (..., classes) were their chances.

        L = -mean log p[y]

    >>> round(float(cross_entropy(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]))), 4)
    1.204
    """
    return -np.mean(np.log(np.take_along_axis(p, np.asarray(y)[..., None], axis=-1)))


def perplexity(nats):
    """Among how many equally likely tokens a model hesitates that has this cross-entropy.

        e^nats

    Spec: MET-11

    >>> round(float(perplexity(cross_entropy(np.array([2]), np.full((1, 100), 0.01)))))
    100
    """
    return np.exp(nats)
