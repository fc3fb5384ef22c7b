"""Style transfer: correlations of features, independent of position."""

import numpy as np


def gram_matrix(features: np.ndarray) -> np.ndarray:
    """Gram matrix: how strongly each pair of channels responds together.

        G_cd = (1 / H W) sum_ij f(i, j, c) f(i, j, d)

    Args:
        features: array (height, width, C).

    >>> gram_matrix(np.array([[[1.0, 2.0], [3.0, 0.0]]])).tolist()
    [[5.0, 1.0], [1.0, 2.0]]

    Reference: Gatys et al., 2016.
    """
    flat = features.reshape(-1, features.shape[-1])
    return flat.T @ flat / len(flat)


def style_loss(features: np.ndarray, other: np.ndarray) -> np.floating:
    """Style loss: mean squared difference of two Gram matrices.

        L = mean( (G - G')^2 )

    Args:
        features: array (height, width, C).
        other: array (height, width, C).

    >>> x = np.array([[[1.0, 2.0], [3.0, 0.0]]])
    >>> float(style_loss(x, x[:, ::-1])), float(style_loss(x, 0 * x))
    (0.0, 7.75)

    Reference: Gatys et al., 2016.
    """
    return np.mean((gram_matrix(features) - gram_matrix(other)) ** 2)
