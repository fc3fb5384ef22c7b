"""Domain adaptation: the same task on differently distributed inputs, such as day and night."""

import numpy as np
from numpy.typing import ArrayLike


def density_ratio(p_target: np.ndarray, sources: int = 1, targets: int = 1) -> np.ndarray:
    """Importance weights of source examples, from a classifier that separates the domains.

        w(x) = p_t(x) / p_s(x) = D(x) / (1 - D(x)) n_s / n_t        D(x) = P(target | x)

    They are right under covariate shift: the inputs differ, p_s(x) != p_t(x), but p(y|x) is the
    same.

    Args:
        p_target: array, probabilities D(x).
        sources: int, number n_s of source examples.
        targets: int, number n_t of target examples.

    >>> float(density_ratio(np.float64(0.75)))
    3.0
    """
    return p_target / (1 - p_target) * sources / targets


def maximum_mean_discrepancy(x: ArrayLike, y: ArrayLike, gamma: float = 1.0) -> np.floating:
    """Squared maximum mean discrepancy: 0 only if two samples are distributed alike.

        MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)        k(a, b) = e^(-g |a - b|^2)

    Args:
        x: array (n, d).
        y: array (m, d).
        gamma: float, g of the Gaussian kernel.

    >>> x = np.array([[0.0], [1.0]])
    >>> [round(float(maximum_mean_discrepancy(x, x + shift)), 4) for shift in (0.0, 1.0, 9.0)]
    [0.0, 0.4908, 1.3679]

    Reference: Gretton et al., 2012.
    """

    def mean(a, b):
        return np.mean(np.exp(-gamma * np.sum((a[:, None] - b) ** 2, axis=-1)))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def coral(source: np.ndarray, target: np.ndarray, epsilon: float = 1e-6) -> np.ndarray:
    """CORAL: give source features the mean and covariance of the target features.

        x <- (x - m_s) C_s^(-1/2) C_t^(1/2) + m_t

    Args:
        source: array (n, d).
        target: array (m, d).
        epsilon: float, added to the diagonal of the covariances.

    >>> source, target = np.array([[1.0], [3.0]]), np.array([[10.0], [14.0]])
    >>> coral(source, target).round(3).ravel().tolist()
    [10.0, 14.0]

    Reference: Sun et al., 2016.
    """

    def power(x, exponent):
        covariance = np.cov(x, rowvar=False).reshape(2 * [x.shape[1]])
        values, vectors = np.linalg.eigh(covariance + epsilon * np.eye(x.shape[1]))
        return vectors * values**exponent @ vectors.T

    return (source - source.mean(0)) @ power(source, -0.5) @ power(target, 0.5) + target.mean(0)


def reversed_gradient(upstream: np.ndarray, rate: float = 1.0) -> np.ndarray:
    """Gradient reversal layer of DANN: the identity forward, a sign change backward.

        R(x) = x        dR/dx := -lambda

    The features become worse for the domain classifier while it improves, until they are alike in
    both domains.

    Args:
        upstream: array, gradient with respect to the layer's output.
        rate: float, lambda.

    >>> reversed_gradient(np.array([1.0, -2.0]), 0.5).tolist()
    [-0.5, 1.0]

    Reference: Ganin and Lempitsky, 2015.
    """
    return -rate * upstream


def reversal_rate(progress: ArrayLike) -> np.ndarray:
    """Schedule of the reversal's strength, from 0 to 1 over training.

        lambda(p) = 2 / (1 + e^(-10 p)) - 1

    Args:
        progress: array, p from 0 to 1.

    >>> reversal_rate(np.array([0, 0.1, 0.5, 1])).round(4).tolist()
    [0.0, 0.4621, 0.9866, 0.9999]

    Reference: Ganin and Lempitsky, 2015.
    """
    return 2 / (1 + np.exp(-10 * np.asarray(progress))) - 1
