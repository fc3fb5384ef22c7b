"""Whole networks as lists of layers: shapes, parameters and multiply-accumulates.

A layer is a tuple: ("conv", filters, kernel, stride, padding, groups), of which all but the first
three may be left out; ("pool", size, stride); ("norm",); ("flatten",); ("dense", units). Layers
that change neither shape nor parameters, such as activations and dropout, are left out.
"""

import itertools
import math
from collections.abc import Sequence

from kerasdl.formulas.convolution import convolution_macs, convolution_parameters, output_size

LENET = (
    *(("conv", 6, 5, 1, 2), ("pool", 2), ("conv", 16, 5), ("pool", 2), ("flatten",)),
    *(("dense", 120), ("dense", 84), ("dense", 10)),
)
ALEXNET = (
    *(("conv", 96, 11, 4), ("pool", 3, 2), ("conv", 256, 5, 1, 2, 2), ("pool", 3, 2)),
    *(("conv", 384, 3, 1, 1), ("conv", 384, 3, 1, 1, 2), ("conv", 256, 3, 1, 1, 2), ("pool", 3, 2)),
    *(("flatten",), ("dense", 4096), ("dense", 4096), ("dense", 1000)),
)


def vgg(depths: tuple[int, ...] = (2, 2, 3, 3, 3)) -> tuple[tuple, ...]:
    """VGG: 3x3 convolutions only; the channels double after each pooling.

        layers = sum_i d_i + 3

    Args:
        depths: tuple of int, convolutions of each stage: the default is VGG-16, (2, 2, 4, 4, 4)
            VGG-19.

    >>> sum(kind in ("conv", "dense") for kind, *_ in vgg()), budget((224, 224, 3), vgg())[-1][0]
    (16, (1000,))

    Reference: Simonyan and Zisserman, 2015.
    """
    layers = []
    for width, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
        layers += [("conv", width, 3, 1, 1)] * depth + [("pool", 2)]
    return (*layers, ("flatten",), ("dense", 4096), ("dense", 4096), ("dense", 1000))


def simple_cnn(
    widths: tuple[int, ...] = (32, 64, 128), padding: int = 1, norm: bool = True, units: int = 512
) -> tuple[tuple, ...]:
    """SimpleCNN: convolution, normalization and pooling, then two dense layers.

        3 x (conv -> norm -> pool) -> flatten -> dense -> dense        sides 32 -> 16 -> 8 -> 4

    For 32x32 images it has 1,147,914 trainable parameters and 448 moving averages.

    Args:
        widths: tuple of int, filters of each convolution.
        padding: int, padding of the convolutions.
        norm: bool, batch normalization after each convolution.
        units: int, units of the first dense layer.

    >>> trained(budget((32, 32, 3), simple_cnn()))
    1147914
    """
    layers = []
    for width in widths:
        layers += [("conv", width, 3, 1, padding), *([("norm",)] if norm else []), ("pool", 2)]
    return (*layers, ("flatten",), ("dense", units), ("dense", 10))


def budget(shape: tuple[int, ...], layers: tuple) -> list[tuple[tuple[int, ...], int, int]]:
    """Shape, parameters and multiply-accumulates after each layer.

        conv: n (c k k / g + 1), H W n c k k / g    dense: n (m + 1), n m    norm: 2 c, 0

    FLOPs are about twice the multiply-accumulates.

    Args:
        shape: tuple of int, (height, width, channels) of the input.
        layers: tuple of layers.

    >>> for row in budget((28, 28, 1), LENET)[:3]:
    ...     print(*row)
    (28, 28, 6) 156 117600
    (14, 14, 6) 0 0
    (10, 10, 16) 2416 240000
    """
    rows = []
    for kind, *options in layers:
        shape, parameters, macs = _layer(shape, kind, *options)
        rows.append((shape, parameters, macs))
    return rows


def _layer(shape, kind, size=0, kernel=None, stride=1, padding=0, groups=1):
    if kind == "conv":
        sides = tuple(output_size(side, kernel, padding, stride) for side in shape[:2])
        parameters = convolution_parameters(shape[2], size, kernel, groups)
        return (*sides, size), parameters, convolution_macs(*sides, shape[2], size, kernel, groups)
    if kind == "pool":
        step = kernel or size
        return (*(output_size(side, size, 0, step) for side in shape[:2]), shape[2]), 0, 0
    if kind == "dense":
        return (size,), size * (shape[0] + 1), size * shape[0]
    return (shape, 2 * shape[-1], 0) if kind == "norm" else ((math.prod(shape),), 0, 0)


def trained(rows: Sequence) -> int:
    """Number of trainable parameters.

        sum_l N_l

    Args:
        rows: list, as from `budget`.

    >>> trained(budget((28, 28, 1), LENET)), trained(budget((227, 227, 3), ALEXNET))
    (61706, 60965224)
    """
    return sum(parameters for _, parameters, _ in rows)


def unet_sizes(size: int, depth: int = 4, padding: int = 0) -> list[int]:
    """Side of a U-Net's maps at each level, down and up again.

        N_0 = N - 4 + 4P        down: N <- N / 2 - 4 + 4P        up: N <- 2 N - 4 + 4P

    Skip connections concatenate the maps of the way down with those of the way up, so channels
    double there; residual connections would add them.

    Args:
        size: int, side N of the image.
        depth: int, number of halvings.
        padding: int, padding P of the 3x3 convolutions: 0 is the original U-Net, 1 keeps the size.

    >>> unet_sizes(572), unet_sizes(64, padding=1)
    ([568, 280, 136, 64, 28, 52, 100, 196, 388], [64, 32, 16, 8, 4, 8, 16, 32, 64])

    Reference: Ronneberger et al., 2015.
    """
    sizes = [size + 4 * padding - 4]
    for level in range(2 * depth):
        inside = sizes[-1] // 2 if level < depth else sizes[-1] * 2
        sizes.append(inside + 4 * padding - 4)
    return sizes


def unet_parameters(channels: int = 1, classes: int = 2, width: int = 64, depth: int = 4) -> int:
    """Number of parameters of a U-Net: pairs of 3x3 convolutions, 2x2 upsampling, a final 1x1.

        N(c, n, k) = n (c k k + 1)

    Args:
        channels: int, channels of the image.
        classes: int, classes of a pixel.
        width: int, channels of the first level; they double on each level.
        depth: int, number of halvings.

    >>> unet_parameters()
    31030658

    Reference: Ronneberger et al., 2015.
    """
    widths = [width * 2**level for level in range(depth + 1)]
    count = convolution_parameters(width, classes, 1)
    for before, after in zip([channels, *widths], widths, strict=False):
        count += convolution_parameters(before, after, 3) + convolution_parameters(after, after, 3)
    # the way up: the skip doubles the input channels of the first 3x3 convolution
    for after, before in itertools.pairwise(widths):
        count += convolution_parameters(before, after, 2)
        count += convolution_parameters(before, after, 3) + convolution_parameters(after, after, 3)
    return count
