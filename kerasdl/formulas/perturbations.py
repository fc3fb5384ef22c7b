"""Adversarial examples: the least change that misleads a network."""

import numpy as np


def fast_gradient_sign(x, gradient, epsilon, low=0.0, high=1.0):
    """Every pixel a little, all in the direction that the loss minds: nobody sees it but the
    network.

        x <- clip( x + eps sign(dL/dx) )        |x' - x| <= eps

    Of all changes of that size it is the worst to first order. With the gradient of the loss of a
    class that one wants to see, and eps below 0, it leads there.

    Spec: OTH-02

    >>> fast_gradient_sign(np.array([0.5, 0.5, 1.0]), np.array([0.1, -3.0, 2.0]), 0.1).tolist()
    [0.6, 0.4, 1.0]
    """
    return np.clip(x + epsilon * np.sign(gradient), low, high)
