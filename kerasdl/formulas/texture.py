"""Texture: which features go together in an image, wherever they are: its style."""

import numpy as np


def gram_matrix(features):
    """How much each two channels answer together; (height, width, C) -> (C, C), places forgotten.

        G_cd = (1 / H W) sum_ij f(i, j, c) f(i, j, d)

    Spec: OTH-13

    >>> gram_matrix(np.array([[[1.0, 2.0], [3.0, 0.0]]])).tolist()
    [[5.0, 1.0], [1.0, 2.0]]
    """
    flat = features.reshape(-1, features.shape[-1])
    return flat.T @ flat / len(flat)


def style_loss(features, other):
    """How unlike two images are painted, whatever they show.

        L = mean( (G - G')^2 )

    Spec: OTH-13

    >>> x = np.array([[[1.0, 2.0], [3.0, 0.0]]])
    >>> float(style_loss(x, x[:, ::-1])), float(style_loss(x, 0 * x))
    (0.0, 7.75)
    """
    return np.mean((gram_matrix(features) - gram_matrix(other)) ** 2)
