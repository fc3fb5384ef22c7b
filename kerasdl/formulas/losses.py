"""Loss functions: how wrong a prediction is, as one number.

Losses of one kind of model are in its module: `adversarial`, `wasserstein`, `generative` (the
ELBO), `contrastive`, `distillation`, `diffusion`, `detection`, `segmentation`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

TINY = 1e-37  # replaces 0 inside a logarithm; not 0 in float32


def mean_squared_error(y: float | np.ndarray, p: float | np.ndarray) -> np.floating:
    """Mean squared error, for regression and for continuous pixels.

        L = mean( (y - p)^2 )

    Args:
        y: array, targets.
        p: array like y, predictions.

    >>> round(float(mean_squared_error(np.array([1, 2, 3]), np.array([1, 2, 5]))), 6)
    1.333333
    """
    return np.mean((y - p) ** 2)


def perceptual_loss(y: ArrayLike, p: ArrayLike, features: Callable) -> np.floating:
    """Perceptual loss: mean squared error between features of a frozen network.

        L = mean( (phi(y) - phi(p))^2 )

    Args:
        y: array, target image.
        p: array like y, generated image.
        features: function phi, the frozen network.

    >>> moved = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])  # phi counts pixels
    >>> float(perceptual_loss(*moved, features=np.sum)), float(mean_squared_error(*moved).round(3))
    (0.0, 0.667)

    Reference: Johnson et al., 2016.
    """
    return mean_squared_error(features(y), features(p))


def binary_cross_entropy(
    y: float | np.ndarray, p: float | np.ndarray, epsilon: float = 1e-7
) -> np.floating:
    """Binary cross-entropy in nats, of predicted probabilities of label 1.

        L = -mean( y log p + (1 - y) log(1 - p) )

    Probabilities are clipped by 1e-7, as in Keras. Clipping by 1e-15 would have no effect in
    float32, where 1 - 1e-15 is 1, and the loss could become NaN.

    Args:
        y: array, labels 0 or 1.
        p: array like y, predicted probabilities.
        epsilon: float, distance of p from 0 and 1.

    >>> round(float(binary_cross_entropy(np.array([1, 0]), np.array([0.9, 0.1]))), 4)
    0.1054
    """
    p = np.clip(p, epsilon, 1 - epsilon)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def binary_cross_entropy_with_logits(y: float | np.ndarray, z: float | np.ndarray) -> np.floating:
    """Binary cross-entropy of logits: the sigmoid is part of the loss, so it is finite for any z.

        L = mean( max(z, 0) - y z + log(1 + e^-|z|) )

    The network must not end in a sigmoid; it would be applied twice.

    Args:
        y: array, labels 0 or 1.
        z: array like y, logits.

    >>> float(binary_cross_entropy_with_logits(np.array([0, 1]), np.array([100.0, 100.0])))
    50.0
    """
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))


def cross_entropy(y: np.ndarray, p: float | np.ndarray) -> np.floating:
    """Cross-entropy in nats, of predicted class probabilities.

        L = -mean log p[y]

    Args:
        y: int array (...,), classes.
        p: array (..., classes), predicted probabilities.

    >>> round(float(cross_entropy(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]))), 4)
    1.204
    """
    return -np.mean(np.log(np.take_along_axis(p, np.asarray(y)[..., None], axis=-1)))


def categorical_cross_entropy(y: np.ndarray, p: ArrayLike) -> np.floating:
    """Cross-entropy for labels that are probabilities: one-hot, smoothed or from a teacher.

        L = -mean sum_c y_c log p_c

    Args:
        y: array (..., classes), label probabilities.
        p: array (..., classes), predicted probabilities.

    >>> round(float(categorical_cross_entropy(np.array([[1, 0]]), np.array([[0.5, 0.5]]))), 6)
    0.693147
    """
    return -np.mean(np.sum(y * np.log(np.maximum(p, TINY)), axis=-1))


def kl_divergence(y: np.ndarray, p: ArrayLike) -> np.ndarray:
    """KL divergence in nats: the extra cost of coding y with the code of p.

        KL(y || p) = sum_c y_c log(y_c / p_c) >= 0        0 log 0 = 0

    It is 0 only for p = y, and not symmetric.

    Args:
        y: array (..., classes), probabilities.
        p: array (..., classes), probabilities.

    >>> round(float(kl_divergence(np.array([0.6, 0.3, 0.1]), np.array([0.5, 0.3, 0.2]))), 6)
    0.040078

    Reference: Kullback and Leibler, 1951.
    """
    return np.sum(y * np.log(np.maximum(y, TINY) / np.maximum(p, TINY)), axis=-1)


def perplexity(nats: ArrayLike) -> np.ndarray:
    """Perplexity: among how many equally likely tokens the model hesitates.

        e^nats

    Args:
        nats: array, cross-entropy.

    >>> round(float(perplexity(cross_entropy(np.array([2]), np.full((1, 100), 0.01)))))
    100
    """
    return np.exp(nats)
