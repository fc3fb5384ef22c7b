"""Bounds of log p(x), which generative models with hidden causes cannot compute."""

import numpy as np


def importance_weighted_bound(log_joint, log_posterior):
    """Many samples of the cause in place of one: the first axis. With one it is the ELBO, and more
    only come nearer to log p(x), from below.

        L_K = E log( (1 / K) sum_k p(x, z_k) / q(z_k | x) )        ELBO = L_1 <= L_K <= log p(x)

    Spec: MET-06

    >>> log_joint, log_posterior = np.log([0.1, 0.3]), np.log([0.5, 0.5])
    >>> float(np.exp(importance_weighted_bound(log_joint, log_posterior)).round(6))
    0.4
    """
    weights = np.asarray(log_joint) - log_posterior
    largest = weights.max(axis=0)
    return largest + np.log(np.mean(np.exp(weights - largest), axis=0))
