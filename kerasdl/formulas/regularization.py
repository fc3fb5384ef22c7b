"""Regularization: penalties and noise that keep a network from memorizing its examples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def l1_penalty(w: ArrayLike, rate: float = 0.01) -> np.floating:
    """L1 penalty (LASSO): pulls every weight to 0 with the same force, so many become 0.

        L = L_orig + lambda sum |w_i|

    Plain gradient steps oscillate around 0; `soft_threshold` reaches it.

    Args:
        w: array, weights.
        rate: float, lambda.

    >>> round(float(l1_penalty(np.array([1.0, -2.0, 3.0]))), 6)
    0.06

    Reference: Tibshirani, 1996.
    """
    return rate * np.sum(np.abs(w))


def l2_penalty(w: ArrayLike, rate: float = 0.01) -> np.floating:
    """L2 penalty (ridge): pulls large weights most; all shrink, none becomes 0.

        L = L_orig + lambda sum w_i^2        without the factor 1/2 that some write

    With plain gradient descent it equals weight decay by 2 eta lambda; with Adam it does not, see
    `optimizers.adamw`.

    Args:
        w: array, weights.
        rate: float, lambda.

    >>> round(float(l2_penalty(np.array([1.0, -2.0, 3.0]))), 6)
    0.14
    """
    return rate * np.sum(np.square(w))


def elastic_net_penalty(w: ArrayLike, l1: float = 0.01, l2: float = 0.01) -> np.floating:
    """Elastic net: L1 and L2 penalty together.

        L = L_orig + lambda_1 sum |w_i| + lambda_2 sum w_i^2

    Args:
        w: array, weights.
        l1: float, lambda_1.
        l2: float, lambda_2.

    >>> round(float(elastic_net_penalty(np.array([1.0, -2.0, 3.0]))), 6)
    0.2

    Reference: Zou and Hastie, 2005.
    """
    return l1_penalty(w, l1) + l2_penalty(w, l2)


def soft_threshold(w: ArrayLike, shrinkage: float) -> np.ndarray:
    """Proximal step of the L1 penalty: shrink every weight by the same amount, and stop at 0.

        w <- sign(w) max(|w| - eta lambda, 0)

    A weight at 0 leaves it again as soon as the gradient of the loss exceeds lambda.

    Args:
        w: array, weights.
        shrinkage: float, eta lambda.

    >>> soft_threshold(np.array([-3.0, 0.5, 2.0]), 1.0)
    array([-2.,  0.,  1.])
    """
    return np.sign(w) * np.maximum(np.abs(w) - shrinkage, 0)


def ridge(x: np.ndarray, y: np.ndarray, rate: float) -> np.ndarray:
    """Closed-form solution of linear regression with an L2 penalty.

        w = (x^T x + lambda 1)^-1 x^T y        minimizes ||x w - y||^2 + lambda ||w||^2

    Args:
        x: array (examples, inputs).
        y: array (examples,).
        rate: float, lambda.

    >>> ridge(np.eye(2), np.array([2.0, 4.0]), rate=1.0)
    array([1., 2.])

    Reference: Hoerl and Kennard, 1970.
    """
    return np.linalg.solve(x.T @ x + rate * np.eye(x.shape[-1]), x.T @ y)


def dropout(x: np.ndarray, kept: np.ndarray, rate: float) -> np.ndarray:
    """Dropout in training: drop numbers at random and scale up the rest.

        y = m x / (1 - p)        m = 0 with probability p; at inference y = x

    The division keeps the expected sum. Without it, inputs at inference would be 1 / (1 - p) times
    as large as in training.

    Args:
        x: array.
        kept: array like x, mask m of 0 and 1.
        rate: float, fraction p to drop, in [0, 1).

    >>> dropout(np.ones(4), np.array([1, 0, 0, 1]), rate=0.5)
    array([2., 0., 0., 2.])

    Reference: Srivastava et al., 2014.
    """
    return kept * x / (1 - rate)


def dropout_variance(
    mean: float | np.ndarray, variance: float | np.ndarray, rate: float
) -> float | np.ndarray:
    """Variance after dropout in training: a batch normalization behind it expects too much.

        Var(y) = (Var(x) + p mean(x)^2) / (1 - p)

    Args:
        mean: array or float, mean of x.
        variance: array or float, variance of x.
        rate: float, fraction p that is dropped, in [0, 1).

    >>> dropout_variance(mean=0.0, variance=1.0, rate=0.5)
    2.0

    Reference: Li et al., 2019.
    """
    return (variance + rate * mean**2) / (1 - rate)


def drop_connect(x: np.ndarray, w: np.ndarray, kept: np.ndarray, rate: float) -> np.ndarray:
    """DropConnect: drop weights in place of activations.

        y = x (M W) / (1 - p)

    Args:
        x: array (..., inputs).
        w: array (inputs, units).
        kept: array like w, mask of 0 and 1.
        rate: float, fraction p of weights to drop, in [0, 1).

    >>> drop_connect(np.ones(2), np.eye(2), np.array([[1, 1], [1, 0]]), rate=0.5)
    array([2., 0.])

    Reference: Wan et al., 2013.
    """
    return x @ dropout(w, kept, rate)


def smooth_labels(y: np.ndarray, smoothing: float = 0.1) -> np.ndarray:
    """Label smoothing: move a little probability from the true class to all classes.

        y <- (1 - eps) y + eps / C

    Args:
        y: array (..., classes), one-hot labels.
        smoothing: float, eps.

    >>> smooth_labels(np.array([0.0, 0.0, 1.0])).round(6).tolist()
    [0.033333, 0.033333, 0.933333]

    Reference: Szegedy et al., 2016.
    """
    return (1 - smoothing) * y + smoothing / y.shape[-1]


def early_stopping(
    losses: Sequence[float], patience: int, min_delta: float = 0.0
) -> tuple[int, int]:
    """Epoch at which early stopping stops, and the epoch whose weights it restores, from 0.

        stop at the first t with t - best(t) >= max(patience, 1)

    Args:
        losses: sequence of float, validation loss of each epoch.
        patience: int, epochs to wait for an improvement.
        min_delta: float, smallest improvement that counts.

    >>> early_stopping([1, 0.8, 0.9, 0.95, 0.99], patience=3)
    (4, 1)

    Reference: Prechelt, 1998.
    """
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = epoch
        if epoch - best >= max(patience, 1):
            return epoch, best
    return len(losses) - 1, best


def ensemble(probabilities: float | np.ndarray) -> np.ndarray:
    """Ensemble: the mean probability of several models.

        p = mean_k p_k        -log p[y] <= mean_k( -log p_k[y] ), by Jensen

    By Jensen's inequality its loss is at most the mean loss of its members.

    Args:
        probabilities: array (models, ..., classes).

    >>> ensemble(np.array([[0.9, 0.1], [0.5, 0.5]])).round(3).tolist()
    [0.7, 0.3]
    """
    return np.mean(probabilities, axis=0)
