"""Feature pyramid network: combine deep, coarse maps with early, fine ones."""

from collections.abc import Sequence

import numpy as np

from kerasdl.formulas.convolution import convolution
from kerasdl.formulas.upsampling import nearest_upsampling


def top_down(maps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Top-down pathway: add to each map the next coarser one, upsampled.

        M_L = C_L        M_l = C_l + up_2(M_{l+1})

    Args:
        maps: list of arrays (height, width, channels), finest first, each half the size of the one
            before.

    >>> fine, coarse = np.zeros((2, 2, 1)), np.ones((1, 1, 1))
    >>> top_down([fine, coarse])[0][..., 0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]

    Reference: Lin et al., 2017.
    """
    merged = [maps[-1]]
    for finer in maps[-2::-1]:
        merged.insert(0, finer + nearest_upsampling(merged[0]))
    return merged


def feature_pyramid(
    maps: Sequence[np.ndarray], lateral: Sequence[tuple], smoothing: Sequence[tuple]
) -> list[np.ndarray]:
    """Feature pyramid: 1x1 lateral convolutions, top-down sums, 3x3 smoothing.

        P_l = W_3x3 * M_l + b        M_l = W_1x1 * C_l + b + up_2(M_{l+1})

    Args:
        maps: list of arrays (height, width, channels), finest first.
        lateral: list of (kernel, bias), 1x1 convolutions to a common width.
        smoothing: list of (kernel, bias), 3x3 convolutions.

    >>> one = np.ones((1, 1, 1, 1)), 0.0
    >>> pyramid = feature_pyramid([np.ones((2, 2, 1)), np.ones((1, 1, 1))], [one] * 2, [one] * 2)
    >>> pyramid[0][..., 0].tolist()
    [[2.0, 2.0], [2.0, 2.0]]

    Reference: Lin et al., 2017.
    """
    sides = [convolution(x, *weights) for x, weights in zip(maps, lateral, strict=True)]
    pyramid = []
    for x, (kernel, bias) in zip(top_down(sides), smoothing, strict=True):
        around = kernel.shape[0] // 2
        padded = np.pad(x, [(around, around), (around, around), (0, 0)])
        pyramid.append(convolution(padded, kernel, bias))
    return pyramid
