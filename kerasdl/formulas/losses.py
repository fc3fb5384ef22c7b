"""Losses: how wrong a prediction is, as one number.

Those of one kind of model stand with it (LOS-13): `adversarial`, `wasserstein`, `generative` (the
ELBO), `contrastive`, `distillation`, `diffusion`, `detection`, `segmentation`.
"""

import numpy as np

TINY = 1e-37  # stands for 0 where there is a logarithm, in float32 too


def mean_squared_error(y, p):
    """The mean of the squares: for prices and temperatures, and images in colour.

        L = mean( (y - p)^2 )

    Spec: LOS-01, LOS-11

    >>> round(float(mean_squared_error(np.array([1, 2, 3]), np.array([1, 2, 5]))), 6)
    1.333333
    """
    return np.mean((y - p) ** 2)


def perceptual_loss(y, p, features):
    """How differently two images strike a trained network that learns no more.

        L = mean( (phi(y) - phi(p))^2 )

    Spec: LOS-10, TRL-12

    >>> moved = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])  # what matters is how many
    >>> float(perceptual_loss(*moved, features=np.sum)), float(mean_squared_error(*moved).round(3))
    (0.0, 0.667)
    """
    return mean_squared_error(features(y), features(p))


def binary_cross_entropy(y, p, epsilon=1e-7):
    """The mean surprise, in nats, at the labels y when p was said to be the chance of 1.

        L = -mean( y log p + (1 - y) log(1 - p) )

    The notes clip p by 1e-15, which float32 rounds away: 1 - 1e-15 is 1, and the loss is NaN.

    Spec: LOS-02, LOS-03, LOS-11, E-44

    >>> round(float(binary_cross_entropy(np.array([1, 0]), np.array([0.9, 0.1]))), 4)
    0.1054
    """
    p = np.clip(p, epsilon, 1 - epsilon)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def binary_cross_entropy_with_logits(y, z):
    """The same of logits, with the sigmoid inside: nothing to clip, finite for any z.

        L = mean( max(z, 0) - y z + log(1 + e^-|z|) )

    A network before it must not end in a sigmoid: that would be two.

    Spec: LOS-04, E-36

    >>> float(binary_cross_entropy_with_logits(np.array([0, 1]), np.array([100.0, 100.0])))
    50.0
    """
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))


def cross_entropy(y, p):
    """The mean surprise, in nats, at the classes y when p (..., classes) were their chances.

        L = -mean log p[y]

    Spec: LOS-05

    >>> round(float(cross_entropy(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]))), 4)
    1.204
    """
    return -np.mean(np.log(np.take_along_axis(p, np.asarray(y)[..., None], axis=-1)))


def categorical_cross_entropy(y, p):
    """The same for y that are chances too: one-hot, or smoothed, or a teacher's.

        L = -mean sum_c y_c log p_c

    Spec: LOS-05, REG-18

    >>> round(float(categorical_cross_entropy(np.array([[1, 0]]), np.array([[0.5, 0.5]]))), 6)
    0.693147
    """
    return -np.mean(np.sum(y * np.log(np.maximum(p, TINY)), axis=-1))


def kl_divergence(y, p):
    """How many more nats it takes to say y with p's code than with its own.

        KL(y || p) = sum_c y_c log(y_c / p_c) >= 0        0 log 0 = 0

    It is 0 only for p = y, and not the same the other way round.

    Spec: LOS-09

    >>> round(float(kl_divergence(np.array([0.6, 0.3, 0.1]), np.array([0.5, 0.3, 0.2]))), 6)
    0.040078
    """
    return np.sum(y * np.log(np.maximum(y, TINY) / np.maximum(p, TINY)), axis=-1)


def perplexity(nats):
    """Among how many equally likely tokens a model hesitates that has this cross-entropy.

        e^nats

    Spec: MET-11

    >>> round(float(perplexity(cross_entropy(np.array([2]), np.full((1, 100), 0.01)))))
    100
    """
    return np.exp(nats)
