"""Autoencoders: what keeps a network that copies its input from learning just to copy."""

import numpy as np

from kerasdl.formulas.activations import sigmoid


def autoencoder(x, w_e, b_e, w_d, b_d, activation=sigmoid):
    """To a short code, and back to what it stands for.

        h = f(x W_e + b_e)        x^ = f(h W_d + b_d)        L = ||x - x^||^2, or cross-entropy

    One of the notes calls it generative. It hardly is. Nothing says where its codes lie: those ten
    times as far out, with W_d a tenth, rebuild as well. A drawn code means something to a VAE only.

    Spec: AEN-01, AEN-07, E-29, E-67

    >>> autoencoder(np.eye(2), 20 * np.eye(2) - 10, 0, 20 * np.eye(2), -10).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return activation(activation(x @ w_e + b_e) @ w_d + b_d)


def compression_ratio(numbers, codes, bits=32, code_bits=32):
    """How many times shorter the code is; codes of 8 bits make it four times that.

        r = n b / (k b_k)        784 / 32 = 24.5

    Spec: AEN-05, AEN-31, DIF-09

    >>> compression_ratio(784, 32), compression_ratio(512 * 512 * 3, 64 * 64 * 4)
    (24.5, 48.0)
    """
    return numbers * bits / (codes * code_bits)


def principal_components(x, count):
    """The mean and the axes, (count, numbers), from which a linear autoencoder gains most.

        x^ = m + (x - m) A^T A        A: the first right singular vectors of x - m

    A linear autoencoder's codes span the same space; to do better it must be bent.

    Spec: AEN-06

    >>> x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> mean, axes = principal_components(x, 1)
    >>> bool(np.allclose(mean + (x - mean) @ axes.T @ axes, x))
    True
    """
    mean = x.mean(axis=0)
    return mean, np.linalg.svd(x - mean, full_matrices=False)[2][:count]


def sparsity_penalty(h, target=0.05):
    """What it costs that units (batch, units) are active more, or less, than wanted on average.

        sum_j rho ln(rho / r_j) + (1 - rho) ln((1 - rho) / (1 - r_j))        r_j = mean_batch h_j

    The notes' second logarithm has lost the minus of 1 - rho.

    Spec: AEN-08, REG-24, E-12

    >>> [round(float(sparsity_penalty(np.array([[r]]))), 6) for r in (0.05, 0.1, 0.2, 0.5)]
    [0.0, 0.016707, 0.093943, 0.494632]
    """
    mean = np.mean(h, axis=0)
    off = (1 - target) * np.log((1 - target) / (1 - mean))
    return np.sum(target * np.log(target / mean) + off)


def gaussian_noise(x, noise, deviation):
    """A little of everything: each number moved by a normal one.

        x' = x + s e        e ~ N(0, I)

    Spec: AEN-10

    >>> gaussian_noise(np.ones(2), np.array([1.0, -2.0]), 0.5).tolist()
    [1.5, 0.0]
    """
    return x + deviation * noise


def masking_noise(x, uniform, share):
    """Numbers put out at random, which the network has to guess from the others.

        x'_i = x_i, or 0 with probability p

    Spec: AEN-10, DAT-13

    >>> masking_noise(np.ones(4), np.array([0.1, 0.9, 0.3, 0.6]), share=0.5)
    array([0., 1., 0., 1.])
    """
    return x * (uniform >= share)


def salt_and_pepper(x, uniform, share):
    """Numbers that become black or white, as often the one as the other.

        x'_i = 1 with probability p / 2, 0 with p / 2, else x_i

    Spec: AEN-10, DAT-13

    >>> salt_and_pepper(np.full(3, 0.5), np.array([0.1, 0.4, 0.6]), share=0.5)
    array([1. , 0. , 0.5])
    """
    return np.where(uniform < share / 2, 1.0, np.where(uniform < share, 0.0, x))


def denoising_loss(x, noisy, rebuild):
    """Rebuild the clean input from the spoilt one; compared with the spoilt it would learn noise.

        L = mean (x - g(f(x')))^2

    Spec: AEN-10, AEN-11

    >>> x, noisy = np.array([1.0, 2.0]), np.array([1.5, 2.5])
    >>> float(denoising_loss(x, noisy, lambda x: x - 0.5)), float(denoising_loss(x, noisy, np.copy))
    (0.0, 0.25)
    """
    return np.mean((x - rebuild(noisy)) ** 2)


def contractive_penalty(h, w):
    """How much codes h = sigma(x W + b) move with the input: the size of the Jacobian, squared.

        ||dh/dx||_F^2 = sum_j (h_j (1 - h_j))^2 sum_i W_ij^2

    Spec: AEN-12, REG-24

    >>> float(contractive_penalty(np.array([0.5]), np.array([[1.0], [2.0]])))
    0.3125
    """
    return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=-1)


def stretch(encode, x, moved):
    """By how much a code moves for a small step of the input: little where similar things cluster.

        median |h(x + e) - h(x)| / |e|

    Spec: AEN-42

    >>> float(stretch(lambda x: 3 * x, np.zeros((5, 1)), np.ones((5, 1))))
    3.0
    """
    ratio = np.linalg.norm(encode(moved) - encode(x), axis=-1) / np.linalg.norm(moved - x, axis=-1)
    return np.median(ratio)


def masked_mean_squared_error(y, p, mask):
    """The error where it counts: at the ratings that were given, at the hole that was filled.

        L = sum m (y - p)^2 / sum m

    Spec: AEN-30, AEN-36

    >>> given, said = np.array([3.0, 0.0]), np.array([2.0, 5.0])
    >>> float(masked_mean_squared_error(given, said, np.array([1, 0])))
    1.0
    """
    return np.sum(mask * (y - p) ** 2) / np.sum(mask)


def is_anomaly(errors, normal_errors, percentile=95):
    """Rebuilt worse than nearly all that was normal: so it may be something else.

        ||x - x^||^2 > the p-th percentile of the normal ones

    Spec: AEN-29

    >>> is_anomaly(np.array([0.5, 2.0]), np.linspace(0, 1, 101)).tolist()
    [False, True]
    """
    return errors > np.percentile(normal_errors, percentile)
