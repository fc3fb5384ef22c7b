"""Bayesian optimization: a Gaussian process and acquisitions that pick the next trial."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

ERF = np.vectorize(math.erf, otypes=[float])


def normal_density(z: ArrayLike) -> np.ndarray:
    """Density of the standard normal distribution.

        phi(z) = exp(-z^2 / 2) / sqrt(2 pi)

    Args:
        z: array.

    >>> round(float(normal_density(0.0)), 6)
    0.398942
    """
    return np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)


def normal_probability(z: ArrayLike) -> np.ndarray:
    """Cumulative distribution function of the standard normal distribution.

        Phi(z) = (1 + erf(z / sqrt(2))) / 2

    Args:
        z: array.

    >>> round(float(normal_probability(0.5)), 6)
    0.691462
    """
    return (1 + ERF(np.asarray(z) / np.sqrt(2))) / 2


def log_uniform(probability: ArrayLike, low: float, high: float) -> np.ndarray:
    """Quantile of the log-uniform distribution, from which learning rates are drawn.

        x = low (high / low)^p        log x ~ U(log low, log high)

    Between 1e-5 and 1e-1 half of the draws are below 1e-3; of uniform draws only 1 %.

    Args:
        probability: array, in [0, 1].
        low: float, smallest value.
        high: float, largest value.

    >>> round(float(log_uniform(0.5, 1e-5, 1e-1)), 6)
    0.001
    """
    return low * (high / low) ** np.asarray(probability)


def _distances(a, b, length):
    """Between each row of a and each row of b, measured in `length`."""
    return np.linalg.norm((a[:, None] - b[None]) / length, axis=-1)


def squared_exponential(a: ArrayLike, b: ArrayLike, length: float = 1.0) -> np.ndarray:
    """Squared exponential kernel: similarity of an infinitely smooth function at two points.

        k(a, b) = exp(-r^2 / 2)        r = |a - b| / length

    Args:
        a: array (n, dimensions).
        b: array (m, dimensions).
        length: float, length scale.

    >>> round(float(squared_exponential(np.array([[0.0]]), np.array([[1.0]]))[0, 0]), 6)
    0.606531
    """
    return np.exp(-(_distances(a, b, length) ** 2) / 2)


def matern(a: ArrayLike, b: ArrayLike, length: float = 1.0) -> np.ndarray:
    """Matern kernel with nu = 5/2, for functions with two derivatives; KerasTuner uses it.

        k(a, b) = (1 + s + s^2 / 3) exp(-s)        s = sqrt(5) |a - b| / length

    Args:
        a: array (n, dimensions).
        b: array (m, dimensions).
        length: float, length scale.

    >>> round(float(matern(np.array([[0.0]]), np.array([[1.0]]))[0, 0]), 6)
    0.523994
    """
    s = np.sqrt(5) * _distances(a, b, length)
    return (1 + s + s**2 / 3) * np.exp(-s)


def gaussian_process(
    x: np.ndarray, y: np.ndarray, at: np.ndarray, kernel: Callable = matern, noise: float = 1e-10
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and standard deviation of a Gaussian process.

        mean = k^T (K + s^2 I)^-1 y        variance = k(a, a) - k^T (K + s^2 I)^-1 k

    k compares the observed points with the queried ones, K the observed ones with each other.
    Without noise the mean passes through every observation and the deviation there is 0. The prior
    has mean 0 and deviation 1, so y should be standardized.

    Args:
        x: array (count, dimensions), observed points.
        y: array (count,), observed values.
        at: array (asked, dimensions), points to predict.
        kernel: function of two arrays of points.
        noise: float, variance s^2 of the noise in y.

    >>> mean, deviation = gaussian_process(np.array([[0.0], [1.0]]), np.array([1.0, -1.0]),
    ...                                    np.array([[0.0], [0.5]]))
    >>> np.round(mean, 4).tolist(), np.round(deviation, 3).tolist()
    ([1.0, 0.0], [0.0, 0.314])

    Reference: Rasmussen and Williams, 2006.
    """
    between = kernel(x, at)  # (count, asked)
    weights = np.linalg.solve(kernel(x, x) + noise * np.eye(len(x)), between)
    variance = np.diag(kernel(at, at)) - np.sum(between * weights, axis=0)
    return weights.T @ y, np.sqrt(np.maximum(variance, 0))


def expected_improvement(mean: ArrayLike, deviation: ArrayLike, best: float) -> np.ndarray:
    """Expected improvement over the best value so far; worse outcomes count as 0.

        EI = E[ max(f - best, 0) ] = (m - best) Phi(z) + s phi(z)        z = (m - best) / s

    If the deviation is 0, it is the certain gain or 0.

    Args:
        mean: array, predicted values m.
        deviation: array, standard deviations s.
        best: float, best value so far.

    >>> round(float(expected_improvement(0.9, 0.1, best=0.85)), 6)
    0.06978

    Reference: Jones et al., 1998.
    """
    gain = np.subtract(mean, best)
    z = gain / np.where(np.equal(deviation, 0), 1, deviation)
    value = gain * normal_probability(z) + deviation * normal_density(z)
    return np.where(np.equal(deviation, 0), np.maximum(gain, 0), value)


def upper_confidence_bound(
    mean: float | np.ndarray, deviation: float | np.ndarray, kappa: float = 2.6
) -> float | np.ndarray:
    """Upper confidence bound: an optimistic estimate of a value that is to be maximized.

        UCB = m + kappa s

    Args:
        mean: array, predicted values m.
        deviation: array, standard deviations s.
        kappa: float, weight of the uncertainty; 0 only exploits what is known.

    >>> round(upper_confidence_bound(0.9, 0.1, kappa=2), 6)
    1.1
    """
    return mean + kappa * deviation


def probability_of_improvement(mean: ArrayLike, deviation: ArrayLike, best: float) -> np.ndarray:
    """Probability that a point beats the best value so far, by however little.

        PI = P(f > best) = Phi((m - best) / s)

    Args:
        mean: array, predicted values m.
        deviation: array, standard deviations s.
        best: float, best value so far.

    >>> round(float(probability_of_improvement(0.9, 0.1, best=0.85)), 6)
    0.691462
    """
    gain = np.subtract(mean, best)
    certain = np.equal(deviation, 0)
    return np.where(certain, gain > 0, normal_probability(gain / np.where(certain, 1, deviation)))
