"""Whole networks as a list of layers: what becomes of the shape, the weights and the work.

A layer is a tuple: ("conv", filters, kernel, stride, padding, groups), of which all but the first
three may be left out; ("pool", size, stride); ("norm",); ("flatten",); ("dense", units).
Activations, dropout and the like change nothing here.
"""

import itertools
import math

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


def vgg(depths=(2, 2, 3, 3, 3)):
    """VGG: 3x3 convolutions only, twice the channels after each pooling; the depths make 16 or 19.

        layers = sum_i d_i + 3

    Spec: CNA-10, CNA-35

    >>> sum(kind in ("conv", "dense") for kind, *_ in vgg()), budget((224, 224, 3), vgg())[-1][0]
    (16, (1000,))
    """
    layers = []
    for width, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
        layers += [("conv", width, 3, 1, 1)] * depth + [("pool", 2)]
    return (*layers, ("flatten",), ("dense", 4096), ("dense", 4096), ("dense", 1000))


def simple_cnn(widths=(32, 64, 128), padding=1, norm=True, units=512):
    """Convolution and pooling, three times, and two dense layers: 32 -> 16 -> 8 -> 4 -> 2048.

        3 x (conv -> norm -> pool) -> flatten -> dense -> dense

    The notes put it at about 1.3 M weights; 1,147,914 are trained and 448 more averaged. Another
    note's has 32, 64 and 128 filters in its code and 64 and 128 in its picture: two networks.

    Spec: CNA-01, CNA-02, CNA-03, CNO-54, E-08, E-65

    >>> trained(budget((32, 32, 3), simple_cnn()))
    1147914
    """
    layers = []
    for width in widths:
        layers += [("conv", width, 3, 1, padding), *([("norm",)] if norm else []), ("pool", 2)]
    return (*layers, ("flatten",), ("dense", units), ("dense", 10))


def budget(shape, layers):
    """(shape, weights, multiply-adds) after each layer: what it costs, and where.

        conv: n (c k k / g + 1), H W n c k k / g    dense: n (m + 1), n m    norm: 2 c, 0

    AlexNet did not introduce ReLU and dropout, as one of the notes has it: it made them popular. A
    multiply-add is two operations (FLOPs).

    Spec: CNA-04, CNA-05, CNA-06, CNA-34, MET-14, E-27, E-61

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


def trained(rows):
    """All weights that learn.

        sum_l N_l

    Spec: CNA-34

    >>> trained(budget((28, 28, 1), LENET)), trained(budget((227, 227, 3), ALEXNET))
    (61706, 60965224)
    """
    return sum(parameters for _, parameters, _ in rows)


def unet_sizes(size, depth=4, padding=0):
    """A U-Net's side at each level down and up again: two 3x3 and a half, two 3x3 and twice.

        N_0 = N - 4 + 4P        down: N <- N / 2 - 4 + 4P        up: N <- 2 N - 4 + 4P

    Its skip connections concatenate the maps of the way down with those of the way up, so channels
    double there; residual connections would add them.

    Spec: DET-15, E-02, E-58

    >>> unet_sizes(572), unet_sizes(64, padding=1)
    ([568, 280, 136, 64, 28, 52, 100, 196, 388], [64, 32, 16, 8, 4, 8, 16, 32, 64])
    """
    sizes = [size + 4 * padding - 4]
    for level in range(2 * depth):
        inside = sizes[-1] // 2 if level < depth else sizes[-1] * 2
        sizes.append(inside + 4 * padding - 4)
    return sizes


def unet_parameters(channels=1, classes=2, width=64, depth=4):
    """Weights of a U-Net: pairs of 3x3, 2x2 upwards, of which each halves the channels, and a 1x1.

        N(c, n, k) = n (c k k + 1)

    Spec: DET-15

    >>> unet_parameters()
    31030658
    """
    widths = [width * 2**level for level in range(depth + 1)]
    count = convolution_parameters(width, classes, 1)
    for before, after in zip([channels, *widths], widths, strict=False):
        count += convolution_parameters(before, after, 3) + convolution_parameters(after, after, 3)
    for after, before in itertools.pairwise(widths):  # and back, beside the way down
        count += convolution_parameters(before, after, 2)
        count += convolution_parameters(before, after, 3) + convolution_parameters(after, after, 3)
    return count
