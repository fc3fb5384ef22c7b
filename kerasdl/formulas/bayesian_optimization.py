"""Bayesian optimisation: a Gaussian process says what is likely, an acquisition where to look."""

import math

import numpy as np

ERF = np.vectorize(math.erf, otypes=[float])


def normal_density(z):
    """The bell curve.

        phi(z) = exp(-z^2 / 2) / sqrt(2 pi)

    Spec: HPO-08

    >>> round(float(normal_density(0.0)), 6)
    0.398942
    """
    return np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)


def normal_probability(z):
    """How likely a standard normal number is below z.

        Phi(z) = (1 + erf(z / sqrt(2))) / 2

    Spec: HPO-08, HPO-10

    >>> round(float(normal_probability(0.5)), 6)
    0.691462
    """
    return (1 + ERF(np.asarray(z) / np.sqrt(2))) / 2


def log_uniform(probability, low, high):
    """The value below which a log-uniform number lies with this probability: rates are drawn so.

        x = low (high / low)^p        log x ~ U(log low, log high)

    Between 1e-5 and 1e-1 half of the draws are below 1e-3; of uniform ones 1 %.

    Spec: HPO-04

    >>> round(float(log_uniform(0.5, 1e-5, 1e-1)), 6)
    0.001
    """
    return low * (high / low) ** np.asarray(probability)


def _distances(a, b, length):
    """Between each row of a and each row of b, measured in `length`."""
    return np.linalg.norm((a[:, None] - b[None]) / length, axis=-1)


def squared_exponential(a, b, length=1.0):
    """A kernel: how alike f is at two points, infinitely smooth.

        k(a, b) = exp(-r^2 / 2)        r = |a - b| / length

    Spec: HPO-07

    >>> round(float(squared_exponential(np.array([[0.0]]), np.array([[1.0]]))[0, 0]), 6)
    0.606531
    """
    return np.exp(-(_distances(a, b, length) ** 2) / 2)


def matern(a, b, length=1.0):
    """A kernel for functions with two derivatives: Matern with nu = 5/2, which KerasTuner takes.

        k(a, b) = (1 + s + s^2 / 3) exp(-s)        s = sqrt(5) |a - b| / length

    Spec: HPO-07

    >>> round(float(matern(np.array([[0.0]]), np.array([[1.0]]))[0, 0]), 6)
    0.523994
    """
    s = np.sqrt(5) * _distances(a, b, length)
    return (1 + s + s**2 / 3) * np.exp(-s)


def gaussian_process(x, y, at, kernel=matern, noise=1e-10):
    """What is known of f at some points after having seen y at x: mean and standard deviation.

        mean = k^T (K + s^2 I)^-1 y        variance = k(a, a) - k^T (K + s^2 I)^-1 k

    k compares the seen points with the asked ones, K the seen ones with each other. Without noise
    the mean goes through every y and the deviation there is zero. Before anything is seen the mean
    is zero and the deviation one, so y is to be standardised.

    Args:
        x: Points that were tried, (count, dimensions).
        y: What came out, (count,).
        at: Points to ask about, (asked, dimensions).
        noise: The variance s^2 of what y adds to f.

    Spec: HPO-06, HPO-07

    >>> mean, deviation = gaussian_process(np.array([[0.0], [1.0]]), np.array([1.0, -1.0]),
    ...                                    np.array([[0.0], [0.5]]))
    >>> np.round(mean, 4).tolist(), np.round(deviation, 3).tolist()
    ([1.0, 0.0], [0.0, 0.314])
    """
    between = kernel(x, at)  # (count, asked)
    weights = np.linalg.solve(kernel(x, x) + noise * np.eye(len(x)), between)
    variance = np.diag(kernel(at, at)) - np.sum(between * weights, axis=0)
    return weights.T @ y, np.sqrt(np.maximum(variance, 0))


def expected_improvement(mean, deviation, best):
    """By how much a point is expected to beat the best so far; what loses counts as zero.

        EI = E[ max(f - best, 0) ] = (m - best) Phi(z) + s phi(z)        z = (m - best) / s

    Without doubt, s = 0, it is what is gained for certain, or zero.

    Spec: HPO-08

    >>> round(float(expected_improvement(0.9, 0.1, best=0.85)), 6)
    0.06978
    """
    gain = np.subtract(mean, best)
    z = gain / np.where(np.equal(deviation, 0), 1, deviation)
    value = gain * normal_probability(z) + deviation * normal_density(z)
    return np.where(np.equal(deviation, 0), np.maximum(gain, 0), value)


def upper_confidence_bound(mean, deviation, kappa=2.6):
    """How good a point may well be; kappa 0 only exploits what is known.

        UCB = m + kappa s

    Spec: HPO-09

    >>> round(upper_confidence_bound(0.9, 0.1, kappa=2), 6)
    1.1
    """
    return mean + kappa * deviation


def probability_of_improvement(mean, deviation, best):
    """How likely a point beats the best so far, be it by ever so little.

        PI = P(f > best) = Phi((m - best) / s)

    Spec: HPO-10

    >>> round(float(probability_of_improvement(0.9, 0.1, best=0.85)), 6)
    0.691462
    """
    gain = np.subtract(mean, best)
    certain = np.equal(deviation, 0)
    return np.where(certain, gain > 0, normal_probability(gain / np.where(certain, 1, deviation)))
