"""Upsampling: from few places to many. Images are (height, width, channels)."""

import numpy as np

from kerasdl.formulas.convolution import convolution
from kerasdl.formulas.pooling import windows


def bed_of_nails(image, stride=2):
    """Each number into the first corner of its window, zeros around it.

        y[s i, s j] = x[i, j]

    The notes put it into the middle; a window of 2x2 has none.

    Spec: CNO-37, E-55

    >>> bed_of_nails(np.array([[[1], [2]]]))[..., 0].tolist()
    [[1, 0, 2, 0], [0, 0, 0, 0]]
    """
    height, width, channels = image.shape
    wide = np.zeros((height * stride, width * stride, channels), image.dtype)
    wide[::stride, ::stride] = image
    return wide


def max_unpooling(image, source, size=2):
    """Each number back to where max pooling of `source` found its maximum; the first of several.

        y[argmax_window source] = x, else 0

    Spec: CNO-38, E-55

    >>> max_unpooling(np.array([[[7]]]), np.array([[[1], [5]], [[2], [0]]]))[..., 0].tolist()
    [[0, 7], [0, 0]]
    """
    tiles = windows(source, size)  # (rows, columns, channels, size, size)
    flat = tiles.reshape(*tiles.shape[:3], size**2)
    nails = (np.arange(size**2) == flat.argmax(-1)[..., None]) * image[..., None]
    nails = nails.reshape(tiles.shape).transpose(0, 3, 1, 4, 2)
    return nails.reshape(source.shape)


def transposed_convolution(image, kernel, bias=0.0, stride=2, padding=0):
    """Zeros between the pixels, then a convolution with the kernel turned round: its step back.

        Y = pad(nails(X), K - 1 - P) * flip(W) + b        W is (height, width, filters, channels)

    It is the adjoint of the convolution with W and goes back to its shape, <conv x, y> =
    <x, conv^T y>; the notes call it its opposite, but it does not give back the image.

    Spec: CNO-39, CNO-40, E-56

    >>> transposed_convolution(np.ones((1, 2, 1)), np.ones((2, 2, 1, 1)))[..., 0].tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    high, wide = (stride * (side - 1) + 1 for side in image.shape[:2])
    around = [(k - 1 - padding, k - 1 - padding) for k in kernel.shape[:2]]
    nails = np.pad(bed_of_nails(image, stride)[:high, :wide], [*around, (0, 0)])
    return convolution(nails, kernel[::-1, ::-1].swapaxes(2, 3), bias)


def overlaps(pixels, kernel, stride):
    """How many pixels of the input reach each of the output: if not all alike, a checkerboard.

        c[s i + u] += 1        for each pixel i and u = 0, ..., K - 1

    A stride that divides the kernel has none inside. In an image rows and columns multiply.

    Spec: CNO-41

    >>> overlaps(4, kernel=3, stride=2).tolist(), overlaps(4, kernel=4, stride=2).tolist()
    ([1, 1, 2, 1, 2, 1, 2, 1, 1], [1, 1, 2, 2, 2, 2, 2, 2, 1, 1])
    """
    count = np.zeros((pixels - 1) * stride + kernel, int)
    for pixel in range(pixels):
        count[pixel * stride : pixel * stride + kernel] += 1
    return count


def nearest_upsampling(image, factor=2):
    """Each pixel as a square: no weights, and with a convolution behind it no checkerboard.

        y[i, j] = x[i // f, j // f]

    Spec: CNO-42

    >>> nearest_upsampling(np.array([[[1], [2]]]))[..., 0].tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def bilinear_upsampling(image, factor=2):
    """Between the centres of pixels along lines, first down, then along; the border goes on.

        y[i] = (1 - t) x[k] + t x[k + 1]        k + t = (i + 1/2) / f - 1/2

    Spec: CNO-43

    >>> bilinear_upsampling(np.array([[[0.0], [4.0]]]))[0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    for axis in (0, 1):
        size = image.shape[axis]
        place = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
        low = np.floor(place).astype(int)
        share = np.expand_dims(place - low, tuple(a for a in range(image.ndim) if a != axis))
        before, after = (image.take(np.minimum(low + i, size - 1), axis) for i in (0, 1))
        image = (1 - share) * before + share * after
    return image


def pixel_shuffle(image, factor=2):
    """Channels become pixels: (H, W, f^2 C) -> (f H, f W, C).

        y[f i + a, f j + b, c] = x[i, j, (f a + b) C + c]

    Spec: CNO-43

    >>> pixel_shuffle(np.arange(4).reshape(1, 1, 4))[..., 0].tolist()
    [[0, 1], [2, 3]]
    """
    height, width, channels = image.shape
    parts = image.reshape(height, width, factor, factor, channels // factor**2)
    return parts.transpose(0, 2, 1, 3, 4).reshape(height * factor, width * factor, -1)
