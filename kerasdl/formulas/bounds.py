"""Bounds of log p(x), which models with latent variables cannot compute exactly."""

import numpy as np
from numpy.typing import ArrayLike


def importance_weighted_bound(log_joint: ArrayLike, log_posterior: ArrayLike) -> np.ndarray:
    """Importance-weighted lower bound of log p(x); with one sample it is the ELBO.

        L_K = E log( (1 / K) sum_k p(x, z_k) / q(z_k | x) )        ELBO = L_1 <= L_K <= log p(x)

    More samples bring it closer to log p(x), from below.

    Args:
        log_joint: array (samples, ...), log p(x, z_k).
        log_posterior: array (samples, ...), log q(z_k | x).

    >>> log_joint, log_posterior = np.log([0.1, 0.3]), np.log([0.5, 0.5])
    >>> float(np.exp(importance_weighted_bound(log_joint, log_posterior)).round(6))
    0.4

    Reference: Burda et al., 2016.
    """
    weights = np.asarray(log_joint) - log_posterior
    largest = weights.max(axis=0)
    return largest + np.log(np.mean(np.exp(weights - largest), axis=0))
