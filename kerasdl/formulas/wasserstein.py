"""Wasserstein GANs: a critic that estimates a distance, and the limits on its slope."""

import numpy as np
from numpy.typing import ArrayLike


def critic_loss(f_real: float | np.ndarray, f_fake: float | np.ndarray) -> np.floating:
    """Critic loss of a WGAN: minus the estimated distance.

        L_D = E[ f(G(z)) ] - E[ f(x) ]        no sigmoid, no logarithm; f has slopes of at most 1

    Args:
        f_real: array, the critic's outputs for real examples.
        f_fake: array, its outputs for generated ones.

    >>> float(critic_loss(np.array([2.0, 4.0]), np.array([1.0, 1.0])))
    -2.0

    Reference: Arjovsky et al., 2017.
    """
    return np.mean(f_fake) - np.mean(f_real)


def generator_loss(f_fake: float | np.ndarray) -> np.floating:
    """Generator loss of a WGAN; its gradient does not vanish, however sure the critic is.

        L_G = -E[ f(G(z)) ]

    Args:
        f_fake: array, the critic's outputs for generated examples.

    >>> float(generator_loss(np.array([1.0, 3.0])))
    -2.0

    Reference: Arjovsky et al., 2017.
    """
    return -np.mean(f_fake)


def clip_weights(w: ArrayLike, limit: float = 0.01) -> np.ndarray:
    """Weight clipping: the first way to limit the slope of the critic, after each of its steps.

        w <- min(max(w, -c), c)

    Args:
        w: array, weights.
        limit: float, c.

    >>> clip_weights(np.array([-1.0, 0.005, 1.0])).tolist()
    [-0.01, 0.005, 0.01]

    Reference: Arjovsky et al., 2017.
    """
    return np.clip(w, -limit, limit)


def gradient_penalty(gradients: np.ndarray, rate: float = 10.0) -> np.floating:
    """Gradient penalty: the critic's gradients between real and fake examples should have norm 1.

        lambda E[ (||df/dx|| - 1)^2 ]        at x = e x_real + (1 - e) x_made

    Args:
        gradients: array (batch, ...), df/dx.
        rate: float, lambda.

    >>> float(gradient_penalty(np.array([[3.0, 0.0]]))), float(gradient_penalty(np.eye(2)))
    (40.0, 0.0)

    Reference: Gulrajani et al., 2017.
    """
    lengths = np.sqrt(np.sum(np.reshape(gradients, (len(gradients), -1)) ** 2, axis=1))
    return rate * np.mean((lengths - 1) ** 2)


def wasserstein_distance(x: ArrayLike, y: ArrayLike) -> np.floating:
    """Wasserstein-1 distance of two samples of equal size: match the sorted values.

        W1 = mean |x_(i) - y_(i)|

    Args:
        x: array (n,).
        y: array (n,).

    >>> float(wasserstein_distance([0, 1, 3], [5, 6, 8]))
    5.0
    """
    return np.mean(np.abs(np.sort(x) - np.sort(y)))
