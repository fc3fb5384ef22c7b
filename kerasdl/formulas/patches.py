"""Patches: images as sequences of tiles, for vision transformers."""

import numpy as np


def patchify(images: np.ndarray, size: int) -> np.ndarray:
    """Cut images into tiles, row by row: (..., h, w, c) to (..., tiles, size^2 c).

        N = (h / p) (w / p)        224 x 224 in tiles of 16 x 16: 196

    Args:
        images: array (..., height, width, channels).
        size: int, side p of a tile; it must divide height and width.

    >>> patchify(np.arange(16).reshape(4, 4, 1), 2).tolist()[:2]
    [[0, 1, 4, 5], [2, 3, 6, 7]]

    Reference: Dosovitskiy et al., 2021.
    """
    *batch, height, width, channels = images.shape
    rows, columns = height // size, width // size
    tiles = images.reshape(*batch, rows, size, columns, size, channels)
    return np.swapaxes(tiles, -4, -3).reshape(*batch, rows * columns, size * size * channels)


def unpatchify(patches: np.ndarray, size: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Put tiles together again: the inverse of `patchify`.

        unpatchify(patchify(x)) = x

    Args:
        patches: array (..., tiles, size^2 channels).
        size: int, side of a tile.
        shape: (height, width, channels) of the images.

    >>> image = np.arange(16).reshape(4, 4, 1)
    >>> bool(np.all(unpatchify(patchify(image, 2), 2, image.shape) == image))
    True
    """
    height, width, channels = shape
    rows, columns = height // size, width // size
    tiles = patches.reshape(*patches.shape[:-2], rows, columns, size, size, channels)
    return np.swapaxes(tiles, -4, -3).reshape(*patches.shape[:-2], *shape)


def patch_embedding(images: np.ndarray, kernel: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Patch embedding: the same linear map of every tile.

        x_i = patch_i W + b        kernel (p, p, c, d)

    It equals a convolution whose stride is its kernel size.

    Args:
        images: array (..., height, width, channels).
        kernel: array (p, p, channels, d).
        b: array (d,), bias.

    >>> patch_embedding(np.ones((4, 4, 1)), np.ones((2, 2, 1, 1)), 0).ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]

    Reference: Dosovitskiy et al., 2021.
    """
    size, width = kernel.shape[0], kernel.shape[-1]
    return patchify(images, size) @ kernel.reshape(-1, width) + b
