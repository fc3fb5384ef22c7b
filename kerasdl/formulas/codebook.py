"""Codes from a list: how a VQ-VAE makes an image into words."""

import numpy as np


def nearest_codes(z, codebook):
    """The place in the list, (codes, d), of what is nearest to each z (..., d).

        k = argmin_j ||z - e_j||^2

    DALL-E did not use this VQ-VAE but a discrete VAE with 8,192 codes.

    Spec: AEN-34, E-66

    >>> nearest_codes(np.array([[0.1], [0.9]]), np.array([[0.0], [1.0]])).tolist()
    [0, 1]
    """
    distances = np.sum((z[..., None, :] - codebook) ** 2, axis=-1)
    return np.argmin(distances, axis=-1)


def quantization_loss(z, chosen, beta=0.25):
    """Pulls codes to what they stand for, and, more gently, what they stand for to the codes.

        L = mean (e - sg[z])^2 + beta mean (z - sg[e])^2        sg: no gradient passes

    Spec: AEN-34

    >>> float(quantization_loss(np.array([1.0]), np.array([3.0])))
    5.0
    """
    return (1 + beta) * np.mean((chosen - z) ** 2)


def straight_through_gradient(z, chosen, upstream, beta=0.25):
    """Choosing has no slope: what comes back for e is handed to z, with the pull of the loss.

        dL/dz = dL/de + 2 beta (z - e) / (number of numbers)

    Spec: AEN-34

    >>> straight_through_gradient(np.array([1.0]), np.array([3.0]), np.array([10.0])).tolist()
    [9.0]
    """
    return upstream + 2 * beta * (z - chosen) / np.size(z)


def code_perplexity(indices, codes):
    """How many codes are in use, were they used alike; 1 is a list that collapsed.

        exp( -sum_k p_k log p_k )

    Spec: AEN-34

    >>> round(float(code_perplexity(np.array([0, 1, 2, 3]), 8)), 6)
    4.0
    """
    p = np.bincount(np.ravel(indices), minlength=codes) / np.size(indices)
    return np.exp(-np.sum(p * np.log(np.maximum(p, 1e-300))))
