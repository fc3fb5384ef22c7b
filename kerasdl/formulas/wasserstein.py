"""Wasserstein GANs: a critic that measures how far apart two heaps are, and its limits."""

import numpy as np


def critic_loss(f_real, f_fake):
    """What the critic lowers: minus the distance, if it rises by 1 at most for each step.

        L_D = E[ f(G(z)) ] - E[ f(x) ]        no sigmoid, no logarithm

    Spec: GAN-24

    >>> float(critic_loss(np.array([2.0, 4.0]), np.array([1.0, 1.0])))
    -2.0
    """
    return np.mean(f_fake) - np.mean(f_real)


def generator_loss(f_fake):
    """What the generator lowers. Its slope does not vanish, however sure the critic is.

        L_G = -E[ f(G(z)) ]

    Spec: GAN-24

    >>> float(generator_loss(np.array([1.0, 3.0])))
    -2.0
    """
    return -np.mean(f_fake)


def clip_weights(w, limit=0.01):
    """The first way to keep the critic from rising too fast, after each of its steps.

        w <- min(max(w, -c), c)

    Spec: GAN-24

    >>> clip_weights(np.array([-1.0, 0.005, 1.0])).tolist()
    [-0.01, 0.005, 0.01]
    """
    return np.clip(w, -limit, limit)


def gradient_penalty(gradients, rate=10.0):
    """The second way: slopes of f by images between real and made ones shall have length 1.

        lambda E[ (||df/dx|| - 1)^2 ]        at x = e x_real + (1 - e) x_made

    Spec: GAN-25

    >>> float(gradient_penalty(np.array([[3.0, 0.0]]))), float(gradient_penalty(np.eye(2)))
    (40.0, 0.0)
    """
    lengths = np.sqrt(np.sum(np.reshape(gradients, (len(gradients), -1)) ** 2, axis=1))
    return rate * np.mean((lengths - 1) ** 2)


def wasserstein_distance(x, y):
    """The work it takes to move one heap of numbers onto another of as many: smallest to smallest.

        W1 = mean |x_(i) - y_(i)|

    Spec: GAN-24

    >>> float(wasserstein_distance([0, 1, 3], [5, 6, 8]))
    5.0
    """
    return np.mean(np.abs(np.sort(x) - np.sort(y)))
