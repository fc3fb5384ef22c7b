"""Another domain: the same question asked of other inputs, day and night, simulated and real."""

import numpy as np


def density_ratio(p_target, sources=1, targets=1):
    """What an example of the source counts, if it is to stand for the target.

        w(x) = p_t(x) / p_s(x) = D(x) / (1 - D(x)) n_s / n_t        D: "is of the target"

    That is right if only the inputs differ, p_s(x) != p_t(x), and answers do not: p(y|x) is one.

    Spec: TRL-14, TRL-16

    >>> float(density_ratio(np.float64(0.75)))
    3.0
    """
    return p_target / (1 - p_target) * sources / targets


def maximum_mean_discrepancy(x, y, gamma=1.0):
    """How differently two heaps of features lie: 0 only if they lie alike.

        MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)        k(a, b) = e^(-g |a - b|^2)

    Spec: TRL-15

    >>> x = np.array([[0.0], [1.0]])
    >>> [round(float(maximum_mean_discrepancy(x, x + shift)), 4) for shift in (0.0, 1.0, 9.0)]
    [0.0, 0.4908, 1.3679]
    """

    def mean(a, b):
        return np.mean(np.exp(-gamma * np.sum((a[:, None] - b) ** 2, axis=-1)))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def coral(source, target, epsilon=1e-6):
    """Correlation alignment: features of the source get the covariance and mean of the target.

        x <- (x - m_s) C_s^(-1/2) C_t^(1/2) + m_t

    Spec: TRL-15

    >>> source, target = np.array([[1.0], [3.0]]), np.array([[10.0], [14.0]])
    >>> coral(source, target).round(3).ravel().tolist()
    [10.0, 14.0]
    """

    def power(x, exponent):
        covariance = np.cov(x, rowvar=False).reshape(2 * [x.shape[1]])
        values, vectors = np.linalg.eigh(covariance + epsilon * np.eye(x.shape[1]))
        return vectors * values**exponent @ vectors.T

    return (source - source.mean(0)) @ power(source, -0.5) @ power(target, 0.5) + target.mean(0)


def reversed_gradient(upstream, rate=1.0):
    """DANN's layer: forwards nothing happens; backwards the gradient turns round.

        R(x) = x        dR/dx := -lambda

    So the features grow worse for the domain's classifier while it grows better: what is left in
    them is the same in both domains.

    Spec: TRL-17

    >>> reversed_gradient(np.array([1.0, -2.0]), 0.5).tolist()
    [-0.5, 1.0]
    """
    return -rate * upstream


def reversal_rate(progress):
    """How strongly it turns, from 0 at the start to 1 at the end of training.

        lambda(p) = 2 / (1 + e^(-10 p)) - 1

    Spec: TRL-17

    >>> reversal_rate(np.array([0, 0.1, 0.5, 1])).round(4).tolist()
    [0.0, 0.4621, 0.9866, 0.9999]
    """
    return 2 / (1 + np.exp(-10 * np.asarray(progress))) - 1
