"""A feature pyramid: what deep layers understand, where early layers saw it."""

import numpy as np

from kerasdl.formulas.convolution import convolution
from kerasdl.formulas.upsampling import nearest_upsampling


def top_down(maps):
    """Add to each map the next coarser one, enlarged: from the last to the first.

        M_L = C_L        M_l = C_l + up_2(M_{l+1})

    Spec: DET-08

    >>> fine, coarse = np.zeros((2, 2, 1)), np.ones((1, 1, 1))
    >>> top_down([fine, coarse])[0][..., 0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    merged = [maps[-1]]
    for finer in maps[-2::-1]:
        merged.insert(0, finer + nearest_upsampling(merged[0]))
    return merged


def feature_pyramid(maps, lateral, smoothing):
    """All maps of a backbone to one width, merged from the top, and smoothed by a 3x3.

        P_l = W_3x3 * M_l + b        M_l = W_1x1 * C_l + b + up_2(M_{l+1})

    `lateral` and `smoothing` have a (kernel, bias) for each map.

    Spec: DET-08

    >>> one = np.ones((1, 1, 1, 1)), 0.0
    >>> pyramid = feature_pyramid([np.ones((2, 2, 1)), np.ones((1, 1, 1))], [one] * 2, [one] * 2)
    >>> pyramid[0][..., 0].tolist()
    [[2.0, 2.0], [2.0, 2.0]]
    """
    sides = [convolution(x, *weights) for x, weights in zip(maps, lateral, strict=True)]
    pyramid = []
    for x, (kernel, bias) in zip(top_down(sides), smoothing, strict=True):
        around = kernel.shape[0] // 2
        padded = np.pad(x, [(around, around), (around, around), (0, 0)])
        pyramid.append(convolution(padded, kernel, bias))
    return pyramid
