"""Images as sentences: tiles in place of words."""

import numpy as np


def patchify(images, size):
    """Cut images into tiles, row by row: (..., h, w, c) -> (..., tiles, size^2 c).

        N = (h / p) (w / p)        224 x 224 in tiles of 16 x 16: 196

    Spec: TRF-47, TRF-48

    >>> patchify(np.arange(16).reshape(4, 4, 1), 2).tolist()[:2]
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    *batch, height, width, channels = images.shape
    rows, columns = height // size, width // size
    tiles = images.reshape(*batch, rows, size, columns, size, channels)
    return np.swapaxes(tiles, -4, -3).reshape(*batch, rows * columns, size * size * channels)


def unpatchify(patches, size, shape):
    """Put the tiles together again to images of `shape` (height, width, channels).

        unpatchify(patchify(x)) = x

    Spec: TRF-48

    >>> image = np.arange(16).reshape(4, 4, 1)
    >>> bool(np.all(unpatchify(patchify(image, 2), 2, image.shape) == image))
    True
    """
    height, width, channels = shape
    rows, columns = height // size, width // size
    tiles = patches.reshape(*patches.shape[:-2], rows, columns, size, size, channels)
    return np.swapaxes(tiles, -4, -3).reshape(*patches.shape[:-2], *shape)


def patch_embedding(images, kernel, b):
    """The same linear map of every tile, which is a convolution whose stride is its kernel's size.

        x_i = patch_i W + b        kernel (p, p, c, d)

    Spec: TRF-47, TRF-49

    >>> patch_embedding(np.ones((4, 4, 1)), np.ones((2, 2, 1, 1)), 0).ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    size, width = kernel.shape[0], kernel.shape[-1]
    return patchify(images, size) @ kernel.reshape(-1, width) + b
