"""Autoencoders: reconstruct the input through a bottleneck; penalties that shape the code."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import sigmoid


def autoencoder(
    x: np.ndarray,
    w_e: np.ndarray,
    b_e: np.ndarray,
    w_d: np.ndarray,
    b_d: np.ndarray,
    activation: Callable = sigmoid,
) -> np.ndarray:
    """Encode to a short code and decode it again.

        h = f(x W_e + b_e)        x^ = f(h W_d + b_d)        L = ||x - x^||^2, or cross-entropy

    A plain autoencoder hardly generates, because nothing says where its codes lie: codes ten times
    as far out, with W_d a tenth, reconstruct as well. Codes drawn at random are meaningful only to
    a VAE. (Latent codes are not special to GANs: autoencoders, VAEs and diffusion models have them
    too.)

    Args:
        x: array (batch, inputs).
        w_e: array (inputs, codes), weights of the encoder.
        b_e: array (codes,), its bias.
        w_d: array (codes, inputs), weights of the decoder.
        b_d: array (inputs,), its bias.
        activation: function f of both layers.

    >>> autoencoder(np.eye(2), 20 * np.eye(2) - 10, 0, 20 * np.eye(2), -10).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return activation(activation(x @ w_e + b_e) @ w_d + b_d)


def compression_ratio(numbers: int, codes: int, bits: int = 32, code_bits: int = 32) -> float:
    """How many times smaller the code is than the input.

        r = n b / (k b_k)        784 / 32 = 24.5

    Args:
        numbers: int, numbers in the input.
        codes: int, numbers in the code.
        bits: int, bits of an input number.
        code_bits: int, bits of a code number; 8 makes the code four times smaller than 32.

    >>> compression_ratio(784, 32), compression_ratio(512 * 512 * 3, 64 * 64 * 4)
    (24.5, 48.0)
    """
    return numbers * bits / (codes * code_bits)


def principal_components(x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and principal axes of the data: the best linear code.

        x^ = m + (x - m) A^T A        A: the first right singular vectors of x - m

    A linear autoencoder learns to span the same subspace; to do better it needs nonlinear layers.

    Args:
        x: array (examples, numbers).
        count: int, number of axes.

    >>> x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> mean, axes = principal_components(x, 1)
    >>> bool(np.allclose(mean + (x - mean) @ axes.T @ axes, x))
    True
    """
    mean = x.mean(axis=0)
    return mean, np.linalg.svd(x - mean, full_matrices=False)[2][:count]


def sparsity_penalty(h: float | np.ndarray, target: float = 0.05) -> np.floating:
    """KL penalty of a sparse autoencoder: mean activations should equal a small target.

        sum_j rho ln(rho / r_j) + (1 - rho) ln((1 - rho) / (1 - r_j))        r_j = mean_batch h_j

    Args:
        h: array (batch, units), activations in (0, 1).
        target: float, wanted mean activation rho.

    >>> [round(float(sparsity_penalty(np.array([[r]]))), 6) for r in (0.05, 0.1, 0.2, 0.5)]
    [0.0, 0.016707, 0.093943, 0.494632]

    Reference: Ng, 2011.
    """
    mean = np.mean(h, axis=0)
    off = (1 - target) * np.log((1 - target) / (1 - mean))
    return np.sum(target * np.log(target / mean) + off)


def gaussian_noise(x: np.ndarray, noise: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian noise for a denoising autoencoder.

        x' = x + s e        e ~ N(0, I)

    Args:
        x: array, clean input.
        noise: array like x, standard normal numbers e.
        deviation: float, standard deviation s.

    >>> gaussian_noise(np.ones(2), np.array([1.0, -2.0]), 0.5).tolist()
    [1.5, 0.0]
    """
    return x + deviation * noise


def masking_noise(x: np.ndarray, uniform: np.ndarray, fraction: float) -> np.ndarray:
    """Masking noise for a denoising autoencoder: set random inputs to 0.

        x'_i = x_i, or 0 with probability p

    Args:
        x: array, clean input.
        uniform: array like x, numbers from [0, 1).
        fraction: float, probability p of masking, in [0, 1].

    >>> masking_noise(np.ones(4), np.array([0.1, 0.9, 0.3, 0.6]), fraction=0.5)
    array([0., 1., 0., 1.])

    Reference: Vincent et al., 2008.
    """
    return x * (uniform >= fraction)


def salt_and_pepper(
    x: float | np.ndarray, uniform: float | np.ndarray, fraction: float
) -> np.ndarray:
    """Salt-and-pepper noise: set random inputs to 0 or 1, equally often.

        x'_i = 1 with probability p / 2, 0 with p / 2, else x_i

    Args:
        x: array, clean input in [0, 1].
        uniform: array like x, numbers from [0, 1).
        fraction: float, probability p of a change, in [0, 1].

    >>> salt_and_pepper(np.full(3, 0.5), np.array([0.1, 0.4, 0.6]), fraction=0.5)
    array([1. , 0. , 0.5])
    """
    return np.where(uniform < fraction / 2, 1.0, np.where(uniform < fraction, 0.0, x))


def denoising_loss(x: ArrayLike, noisy: ArrayLike, rebuild: Callable) -> np.floating:
    """Loss of a denoising autoencoder: reconstruct the clean input from the noisy one.

        L = mean (x - g(f(x')))^2

    Compared with the noisy input, the network would learn to copy the noise.

    Args:
        x: array, clean input.
        noisy: array like x, corrupted input x'.
        rebuild: function, the autoencoder g(f(.)).

    >>> x, noisy = np.array([1.0, 2.0]), np.array([1.5, 2.5])
    >>> float(denoising_loss(x, noisy, lambda x: x - 0.5)), float(denoising_loss(x, noisy, np.copy))
    (0.0, 0.25)

    Reference: Vincent et al., 2008.
    """
    return np.mean((x - rebuild(noisy)) ** 2)


def contractive_penalty(h: float | np.ndarray, w: float | np.ndarray) -> np.ndarray:
    """Penalty of a contractive autoencoder: the squared norm of the encoder's Jacobian.

        ||dh/dx||_F^2 = sum_j (h_j (1 - h_j))^2 sum_i W_ij^2

    It applies to a sigmoid encoder h = sigma(x W + b).

    Args:
        h: array (..., units), codes.
        w: array (inputs, units), weights of the encoder.

    >>> float(contractive_penalty(np.array([0.5]), np.array([[1.0], [2.0]])))
    0.3125

    Reference: Rifai et al., 2011.
    """
    return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=-1)


def stretch(encode: Callable, x: float | np.ndarray, moved: float | np.ndarray) -> np.floating:
    """How much the code moves for a small change of the input, as a median over examples.

        median |h(x + e) - h(x)| / |e|

    A contractive autoencoder has small values around the data.

    Args:
        encode: function from inputs to codes.
        x: array (examples, inputs).
        moved: array like x, inputs after a small change e.

    >>> float(stretch(lambda x: 3 * x, np.zeros((5, 1)), np.ones((5, 1))))
    3.0
    """
    ratio = np.linalg.norm(encode(moved) - encode(x), axis=-1) / np.linalg.norm(moved - x, axis=-1)
    return np.median(ratio)


def masked_mean_squared_error(
    y: float | np.ndarray, p: float | np.ndarray, mask: float | np.ndarray
) -> np.floating:
    """Mean squared error over the masked-in entries only.

        L = sum m (y - p)^2 / sum m

    Used for known ratings in a recommender and for the hole in inpainting.

    Args:
        y: array, targets.
        p: array like y, predictions.
        mask: array like y, 1 where the error counts, else 0.

    >>> given, said = np.array([3.0, 0.0]), np.array([2.0, 5.0])
    >>> float(masked_mean_squared_error(given, said, np.array([1, 0])))
    1.0
    """
    return np.sum(mask * (y - p) ** 2) / np.sum(mask)


def is_anomaly(
    errors: float | np.ndarray, normal_errors: float | np.ndarray, percentile: float = 95
) -> np.ndarray:
    """Flag examples whose reconstruction error is larger than that of nearly all normal ones.

        ||x - x^||^2 > the p-th percentile of the normal ones

    Args:
        errors: array, reconstruction errors to judge.
        normal_errors: array, errors of normal examples.
        percentile: float, percentile of the normal errors that is the threshold.

    >>> is_anomaly(np.array([0.5, 2.0]), np.linspace(0, 1, 101)).tolist()
    [False, True]
    """
    return errors > np.percentile(normal_errors, percentile)
