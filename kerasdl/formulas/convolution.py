"""Convolution: one small kernel applied at every position of an image (height, width, channels).

As in all deep-learning libraries, the kernel is not flipped (signal processing calls this
cross-correlation), and the result is not divided by the kernel's area.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

BLUR = np.full((3, 3), 1 / 9)
EDGE = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
SOBEL_Y = SOBEL_X.T
PADDING_MODES: dict[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def filter_image(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Cross-correlate a grayscale image with one kernel, at valid positions.

        (X * F)[i, j] = sum_m sum_n X[i + m, j + n] F[m, n]

    Multiply and add; dividing by the kernel's area is not part of convolution.

    Args:
        image: array (height, width).
        kernel: array (m, n).

    >>> filter_image(np.arange(1, 10).reshape(3, 3), np.ones((3, 3)))
    array([[45.]])
    """
    return np.einsum("ijmn,mn->ij", sliding_window_view(image, kernel.shape), kernel)


def convolution(
    image: np.ndarray, kernel: np.ndarray, bias: float | np.ndarray = 0.0, stride: int = 1
) -> np.ndarray:
    """2-D convolution as `keras.layers.Conv2D` computes it, with valid padding.

        Y(i, j, k) = sum_c sum_u sum_v W_k(u, v, c) X(s i + u, s j + v, c) + b_k

    Every filter sums over all input channels. Convolution is equivariant to translation: if the
    image moves, the output moves with it. (It is not invariant.)

    Args:
        image: array (height, width, channels).
        kernel: array (height, width, channels, filters).
        bias: array (filters,) or float.
        stride: int, stride s.

    >>> convolution(np.ones((5, 5, 3)), np.ones((3, 3, 3, 2)), stride=2)[..., 0]
    array([[27., 27.],
           [27., 27.]])
    """
    patches = sliding_window_view(image, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
    return np.einsum("ijcuv,uvck->ijk", patches, kernel) + bias


def grouped_convolution(
    image: ArrayLike, kernel: ArrayLike, groups: int, bias: ArrayLike = 0.0, stride: int = 1
) -> np.ndarray:
    """Grouped convolution: convolve groups of channels separately, with 1/groups of the weights.

        Y = concat_g( X_g * W_g )

    One group for each channel makes it a depthwise convolution.

    Args:
        image: array (height, width, channels).
        kernel: array (height, width, channels / groups, filters).
        groups: int, number of groups.
        bias: array (filters,) or float.
        stride: int, stride.

    >>> grouped_convolution(np.ones((3, 3, 4)), np.ones((3, 3, 2, 6)), groups=2).ravel()
    array([18., 18., 18., 18., 18., 18.])
    """
    parts = zip(np.split(image, groups, -1), np.split(kernel, groups, -1), strict=True)
    return np.concatenate([convolution(x, w, stride=stride) for x, w in parts], axis=-1) + bias


def separable_convolution(
    image: np.ndarray, depthwise: np.ndarray, pointwise: np.ndarray, bias: float | np.ndarray = 0.0
) -> np.ndarray:
    """Depthwise-separable convolution: filter each channel, then mix the channels.

        Y = depthwise(X) P        weights: k^2 C + C C'  against  k^2 C C'

    Args:
        image: array (height, width, channels).
        depthwise: array (height, width, channels).
        pointwise: array (channels, filters).
        bias: array (filters,) or float.

    >>> separable_convolution(np.ones((3, 3, 2)), np.ones((3, 3, 2)), np.eye(2))
    array([[[9., 9.]]])
    """
    looked = grouped_convolution(image, depthwise[:, :, None], groups=image.shape[-1])
    return looked @ pointwise + bias


def dilate(kernel: np.ndarray, rate: int) -> np.ndarray:
    """Dilate a kernel: insert rate - 1 zeros between its elements, for a larger receptive field.

        k_eff = k + (k - 1)(r - 1)

    Args:
        kernel: array (height, width, ...).
        rate: int, dilation rate r, the spacing of the elements.

    >>> dilate(np.array([[1, 2], [3, 4]]), rate=2)
    array([[1, 0, 2],
           [0, 0, 0],
           [3, 0, 4]])
    """
    height, width = (k + (k - 1) * (rate - 1) for k in kernel.shape[:2])
    dilated = np.zeros((height, width, *kernel.shape[2:]), kernel.dtype)
    dilated[::rate, ::rate] = kernel
    return dilated


def pad(
    image: np.ndarray, width: int | Sequence[tuple[int, int]], mode: str = "zeros"
) -> np.ndarray:
    """Pad an image beyond its border.

        reflect: x_{-i} = x_i    replicate: x_{-i} = x_0    circular: x_{-i} = x_{N-i}    zeros: 0

    "reflect" mirrors it, "replicate" repeats the last pixel, "circular" wraps around to the other
    side, "zeros" is what "same" padding does.

    Args:
        image: array.
        width: int or pairs of int, pixels to add, as in `numpy.pad`.
        mode: str, one of the four.

    >>> row = np.array([1, 2, 3])
    >>> [pad(row, 2, mode).tolist() for mode in ("zeros", "reflect", "replicate", "circular")]
    [[0, 0, 1, 2, 3, 0, 0], [3, 2, 1, 2, 3, 2, 1], [1, 1, 1, 2, 3, 3, 3], [2, 3, 1, 2, 3, 1, 2]]
    """
    return np.pad(image, width, mode=PADDING_MODES[mode])


def same_padding(size: int, kernel: int, stride: int = 1) -> tuple[int, int]:
    """Pixels that "same" padding adds before and after, for an output of ceil(size / stride).

        P = max( (ceil(N / S) - 1) S + K - N, 0 )        the odd one goes after

    With stride 2 and an even size this differs from padding 1 on both sides, PyTorch's usual
    choice. Stride 1 keeps the size only with this padding.

    Args:
        size: int, pixels N along the axis.
        kernel: int, size K of the kernel.
        stride: int, stride S.

    >>> same_padding(32, 3), same_padding(32, 3, stride=2), same_padding(32, 5, stride=2)
    ((1, 1), (0, 1), (1, 2))
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def output_size(size: int, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Output size of a convolution or pooling along one axis.

        O = floor( (N + 2P - K) / S ) + 1

    "full" padding is P = K - 1; it gives more positions but resamples nothing. AlexNet's 55x55 maps
    follow from 227 pixels, or from 224 with P = 2; 224 alone gives 54. A stride of 2 halves the
    size as pooling does.

    Args:
        size: int, pixels N.
        kernel: int, size K of the kernel.
        padding: int, pixels P added on each side.
        stride: int, stride S.

    >>> output_size(227, 11, stride=4), output_size(224, 11, stride=4), output_size(5, 3, padding=2)
    (55, 54, 7)
    """
    return (size + 2 * padding - kernel) // stride + 1


def transposed_output_size(size: int, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Output size of a transposed convolution along one axis.

        O = (N - 1) S - 2P + K

    It is the size from which a convolution with the same settings would come.

    Args:
        size: int, pixels N.
        kernel: int, size K of the kernel.
        padding: int, pixels P removed on each side.
        stride: int, stride S.

    >>> transposed_output_size(4, 4, padding=1, stride=2), transposed_output_size(1, 4)
    (8, 4)
    """
    return (size - 1) * stride - 2 * padding + kernel


def convolution_parameters(
    channels: int, filters: int, kernel: int, groups: int = 1, bias: bool = True
) -> int:
    """Number of parameters of a convolution, whatever the size of the image.

        N = n (c k k / groups + 1)

    Two groups halve AlexNet's second layer. Two 3x3 kernels see as much as one 5x5 with fewer
    weights. A bottleneck 256-64-64-256 has a 17th of the weights of two 3x3 convolutions on 256
    channels.

    Args:
        channels: int, input channels c.
        filters: int, output channels n.
        kernel: int, side k of the kernel.
        groups: int, groups of channels.
        bias: bool, whether each filter has a bias.

    >>> [convolution_parameters(*sizes) for sizes in ((3, 32, 3), (64, 128, 3), (3, 96, 11))]
    [896, 73856, 34944]
    """
    return filters * (channels // groups * kernel**2 + bias)


def convolution_macs(
    height: int, width: int, channels: int, filters: int, kernel: int, groups: int = 1
) -> int:
    """Number of multiply-accumulates of a convolution, from the size of its output.

        MACs = H W n c k k / groups

    FLOPs are about twice as many, because each is a multiplication and an addition.

    Args:
        height: int, height H of the output.
        width: int, width W of the output.
        channels: int, input channels c.
        filters: int, output channels n.
        kernel: int, side k of the kernel.
        groups: int, groups of channels.

    >>> convolution_macs(55, 55, 3, 96, 11)  # AlexNet's first layer
    105415200
    """
    return height * width * filters * channels // groups * kernel**2


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Side of the input region that a unit after these layers can see.

        r <- r + (k - 1) j        j <- j s

    j is the distance in the input between two neighboring units. A dilated kernel counts with its
    effective size, see `dilate`.

    Args:
        layers: sequence of (kernel, stride).

    >>> receptive_field([(3, 1)] * 2), receptive_field([(3, 1), (5, 1), (9, 1)])
    (5, 15)
    """
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field
