"""Vector quantization: the discrete codes of a VQ-VAE."""

import numpy as np
from numpy.typing import ArrayLike


def nearest_codes(z: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Index of the nearest codebook vector for each latent vector.

        k = argmin_j ||z - e_j||^2

    DALL-E did not use a VQ-VAE but a discrete VAE with 8,192 codes.

    Args:
        z: array (..., d), latent vectors.
        codebook: array (codes, d).

    >>> nearest_codes(np.array([[0.1], [0.9]]), np.array([[0.0], [1.0]])).tolist()
    [0, 1]

    Reference: van den Oord et al., 2017.
    """
    distances = np.sum((z[..., None, :] - codebook) ** 2, axis=-1)
    return np.argmin(distances, axis=-1)


def quantization_loss(
    z: float | np.ndarray, chosen: float | np.ndarray, beta: float = 0.25
) -> float | np.floating:
    """Codebook and commitment loss of a VQ-VAE.

        L = mean (e - sg[z])^2 + beta mean (z - sg[e])^2        sg: no gradient passes

    It moves codes to the latent vectors and, more gently, latent vectors to the codes.

    Args:
        z: array, latent vectors.
        chosen: array like z, their codes e.
        beta: float, weight of the commitment loss.

    >>> float(quantization_loss(np.array([1.0]), np.array([3.0])))
    5.0

    Reference: van den Oord et al., 2017.
    """
    return (1 + beta) * np.mean((chosen - z) ** 2)


def straight_through_gradient(
    z: np.ndarray, chosen: np.ndarray, upstream: np.ndarray, beta: float = 0.25
) -> np.ndarray:
    """Gradient for the encoder: copied past the choice of the code, plus the commitment loss's.

        dL/dz = dL/de + 2 beta (z - e) / (number of numbers)

    Choosing a code has no derivative of its own.

    Args:
        z: array, latent vectors.
        chosen: array like z, their codes e.
        upstream: array like z, gradient with respect to the codes.
        beta: float, weight of the commitment loss.

    >>> straight_through_gradient(np.array([1.0]), np.array([3.0]), np.array([10.0])).tolist()
    [9.0]
    """
    return upstream + 2 * beta * (z - chosen) / np.size(z)


def code_perplexity(indices: ArrayLike, codes: int) -> np.floating:
    """Effective number of codes in use; 1 means that the codebook has collapsed.

        exp( -sum_k p_k log p_k )

    Args:
        indices: int array, chosen codes.
        codes: int, size of the codebook.

    >>> round(float(code_perplexity(np.array([0, 1, 2, 3]), 8)), 6)
    4.0
    """
    p = np.bincount(np.ravel(indices), minlength=codes) / np.size(indices)
    return np.exp(-np.sum(p * np.log(np.maximum(p, 1e-300))))
