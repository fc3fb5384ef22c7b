"""Adversarial examples: small changes of an input that mislead a network."""

import numpy as np


def fast_gradient_sign(
    x: float | np.ndarray,
    gradient: float | np.ndarray,
    epsilon: float,
    low: float = 0.0,
    high: float = 1.0,
) -> np.ndarray:
    """Fast gradient sign method: move every pixel by eps in the direction that raises the loss.

        x <- clip( x + eps sign(dL/dx) )        |x' - x| <= eps

    To first order it is the worst change of that size. With the gradient of a target class's loss
    and a negative eps it leads toward that class.

    Args:
        x: array, image.
        gradient: array like x, gradient of the loss with respect to x.
        epsilon: float, largest change of a pixel.
        low: float, smallest valid value.
        high: float, largest valid value.

    >>> fast_gradient_sign(np.array([0.5, 0.5, 1.0]), np.array([0.1, -3.0, 2.0]), 0.1).tolist()
    [0.6, 0.4, 1.0]

    Reference: Goodfellow et al., 2015.
    """
    return np.clip(x + epsilon * np.sign(gradient), low, high)
