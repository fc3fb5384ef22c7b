"""Upsampling: from small to large images (height, width, channels)."""

import numpy as np

from kerasdl.formulas.convolution import convolution
from kerasdl.formulas.pooling import windows


def bed_of_nails(image: np.ndarray, stride: int = 2) -> np.ndarray:
    """Bed-of-nails unpooling: each number in the first corner of its window, zeros elsewhere.

        y[s i, s j] = x[i, j]

    Args:
        image: array (height, width, channels).
        stride: int, side s of a window.

    >>> bed_of_nails(np.array([[[1], [2]]]))[..., 0].tolist()
    [[1, 0, 2, 0], [0, 0, 0, 0]]
    """
    height, width, channels = image.shape
    wide = np.zeros((height * stride, width * stride, channels), image.dtype)
    wide[::stride, ::stride] = image
    return wide


def max_unpooling(image: np.ndarray, source: np.ndarray, size: int = 2) -> np.ndarray:
    """Max unpooling: put each number back to where max pooling found the maximum.

        y[argmax_window source] = x, else 0

    Args:
        image: array (rows, columns, channels), pooled values.
        source: array (height, width, channels), what was pooled.
        size: int, side of a window.

    >>> max_unpooling(np.array([[[7]]]), np.array([[[1], [5]], [[2], [0]]]))[..., 0].tolist()
    [[0, 7], [0, 0]]

    Reference: Zeiler et al., 2011.
    """
    tiles = windows(source, size)  # (rows, columns, channels, size, size)
    flat = tiles.reshape(*tiles.shape[:3], size**2)
    nails = (np.arange(size**2) == flat.argmax(-1)[..., None]) * image[..., None]
    nails = nails.reshape(tiles.shape).transpose(0, 3, 1, 4, 2)
    return nails.reshape(source.shape)


def transposed_convolution(
    image: np.ndarray,
    kernel: np.ndarray,
    bias: float | np.ndarray = 0.0,
    stride: int = 2,
    padding: int = 0,
) -> np.ndarray:
    """Transposed convolution: insert zeros between pixels, then convolve with the flipped kernel.

        Y = pad(nails(X), K - 1 - P) * flip(W) + b        W is (height, width, filters, channels)

    It is the adjoint of the convolution with W: <conv x, y> = <x, conv^T y>. It restores the shape
    but not the image, so it is not an inverse.

    Args:
        image: array (height, width, channels).
        kernel: array (height, width, filters, channels), W.
        bias: array (filters,) or float, b.
        stride: int, stride s of the convolution.
        padding: int, its padding P.

    >>> transposed_convolution(np.ones((1, 2, 1)), np.ones((2, 2, 1, 1)))[..., 0].tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]

    Reference: Dumoulin and Visin, 2016.
    """
    high, wide = (stride * (side - 1) + 1 for side in image.shape[:2])
    around = [(k - 1 - padding, k - 1 - padding) for k in kernel.shape[:2]]
    nails = np.pad(bed_of_nails(image, stride)[:high, :wide], [*around, (0, 0)])
    return convolution(nails, kernel[::-1, ::-1].swapaxes(2, 3), bias)


def overlaps(pixels: int, kernel: int, stride: int) -> np.ndarray:
    """How many input pixels reach each output pixel of a transposed convolution, along one axis.

        c[s i + u] += 1        for each pixel i and u = 0, ..., K - 1

    Unequal counts make checkerboard artifacts; there are none inside if the stride divides the
    kernel size. In an image the counts of rows and columns multiply.

    Args:
        pixels: int, input pixels.
        kernel: int, size K of the kernel.
        stride: int, s.

    >>> overlaps(4, kernel=3, stride=2).tolist(), overlaps(4, kernel=4, stride=2).tolist()
    ([1, 1, 2, 1, 2, 1, 2, 1, 1], [1, 1, 2, 2, 2, 2, 2, 2, 1, 1])

    Reference: Odena et al., 2016.
    """
    count = np.zeros((pixels - 1) * stride + kernel, int)
    for pixel in range(pixels):
        count[pixel * stride : pixel * stride + kernel] += 1
    return count


def nearest_upsampling(image: np.ndarray, factor: int = 2) -> np.ndarray:
    """Nearest-neighbor upsampling: repeat each pixel.

        y[i, j] = x[i // f, j // f]

    Followed by a convolution, it avoids checkerboard artifacts.

    Args:
        image: array (height, width, channels).
        factor: int, f.

    >>> nearest_upsampling(np.array([[[1], [2]]]))[..., 0].tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def bilinear_upsampling(image: np.ndarray, factor: int = 2) -> np.ndarray:
    """Bilinear upsampling: interpolate linearly between pixel centers; the border is repeated.

        y[i] = (1 - t) x[k] + t x[k + 1]        k + t = (i + 1/2) / f - 1/2

    Args:
        image: array (height, width, channels).
        factor: int, f.

    >>> bilinear_upsampling(np.array([[[0.0], [4.0]]]))[0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    for axis in (0, 1):
        size = image.shape[axis]
        place = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
        low = np.floor(place).astype(int)
        t = np.expand_dims(place - low, tuple(a for a in range(image.ndim) if a != axis))
        before, after = (image.take(np.minimum(low + i, size - 1), axis) for i in (0, 1))
        image = (1 - t) * before + t * after
    return image


def pixel_shuffle(image: np.ndarray, factor: int = 2) -> np.ndarray:
    """Pixel shuffle: turn channels into pixels, (H, W, f^2 C) to (f H, f W, C).

        y[f i + a, f j + b, c] = x[i, j, (f a + b) C + c]

    Args:
        image: array (height, width, f^2 channels).
        factor: int, f.

    >>> pixel_shuffle(np.arange(4).reshape(1, 1, 4))[..., 0].tolist()
    [[0, 1], [2, 3]]

    Reference: Shi et al., 2016.
    """
    height, width, channels = image.shape
    parts = image.reshape(height, width, factor, factor, channels // factor**2)
    return parts.transpose(0, 2, 1, 3, 4).reshape(height * factor, width * factor, -1)
