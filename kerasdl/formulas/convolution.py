"""Convolution: one small kernel, the same at every position. Images are (height, width, channels).

Deep learning's convolution does not flip the kernel (it is what signal processing calls
cross-correlation) and does not divide by the kernel's area: it multiplies and sums.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

BLUR = np.full((3, 3), 1 / 9)
EDGE = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])  # the notes list it under blur
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
SOBEL_Y = SOBEL_X.T
PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def filter_image(image, kernel):
    """One kernel over a grey image, valid positions only.

        (X * F)[i, j] = sum_m sum_n X[i + m, j + n] F[m, n]

    One of the notes divides by the kernel's area too; that is its demonstration, no convolution.

    Spec: CNO-02, CNO-05, E-07

    >>> filter_image(np.arange(1, 10).reshape(3, 3), np.ones((3, 3)))
    array([[45.]])
    """
    return np.einsum("ijmn,mn->ij", sliding_window_view(image, kernel.shape), kernel)


def convolution(image, kernel, bias=0.0, stride=1):
    """What `Conv2D` computes: every filter sums over all input channels. The kernel is
    (height, width, channels in, filters).

        Y(i, j, k) = sum_c sum_u sum_v W_k(u, v, c) X(s i + u, s j + v, c) + b_k

    Move the image and the result moves along: it is equivariant. The notes say invariant, which it
    is not.

    Spec: CNO-01, CNO-17, CNO-21, CNO-25, E-22

    >>> convolution(np.ones((5, 5, 3)), np.ones((3, 3, 3, 2)), stride=2)[..., 0]
    array([[27., 27.],
           [27., 27.]])
    """
    patches = sliding_window_view(image, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
    return np.einsum("ijcuv,uvck->ijk", patches, kernel) + bias


def grouped_convolution(image, kernel, groups, bias=0.0, stride=1):
    """Split the channels, convolve each group alone, join: 1/groups of the weights. With one group
    a channel it is the depthwise convolution.

        Y = concat_g( X_g * W_g )

    Spec: CNO-46

    >>> grouped_convolution(np.ones((3, 3, 4)), np.ones((3, 3, 2, 6)), groups=2).ravel()
    array([18., 18., 18., 18., 18., 18.])
    """
    parts = zip(np.split(image, groups, -1), np.split(kernel, groups, -1), strict=True)
    return np.concatenate([convolution(x, w, stride=stride) for x, w in parts], axis=-1) + bias


def separable_convolution(image, depthwise, pointwise, bias=0.0):
    """Look around in each channel, then mix the channels: `depthwise` is (height, width, channels),
    `pointwise` (channels, filters).

        Y = depthwise(X) P        weights: k^2 C + C C'  against  k^2 C C'

    Spec: CNO-45, CNO-47

    >>> separable_convolution(np.ones((3, 3, 2)), np.ones((3, 3, 2)), np.eye(2))
    array([[[9., 9.]]])
    """
    looked = grouped_convolution(image, depthwise[:, :, None], groups=image.shape[-1])
    return looked @ pointwise + bias


def dilate(kernel, rate):
    """Put rate - 1 zeros between the kernel's elements: it sees further with the same weights.

        k_eff = k + (k - 1)(r - 1)

    The notes call r - 1 the spacing; the spacing is r, and r - 1 zeros stand between.

    Spec: CNO-44, E-59

    >>> dilate(np.array([[1, 2], [3, 4]]), rate=2)
    array([[1, 0, 2],
           [0, 0, 0],
           [3, 0, 4]])
    """
    height, width = (k + (k - 1) * (rate - 1) for k in kernel.shape[:2])
    dilated = np.zeros((height, width, *kernel.shape[2:]), kernel.dtype)
    dilated[::rate, ::rate] = kernel
    return dilated


def pad(image, width, mode="zeros"):
    """Continue an image beyond its border.

        reflect: x_{-i} = x_i    replicate: x_{-i} = x_0    circular: x_{-i} = x_{N-i}    zeros: 0

    "reflect" mirrors it, "replicate" repeats the last pixel, "circular" wraps around, as on a
    torus. (The notes' table for "circular" is right, their caption, a flip, is not.)

    Spec: CNO-11, CNO-14, CNO-15, CNO-16, DAT-15, E-19

    >>> row = np.array([1, 2, 3])
    >>> [pad(row, 2, mode).tolist() for mode in ("zeros", "reflect", "replicate", "circular")]
    [[0, 0, 1, 2, 3, 0, 0], [3, 2, 1, 2, 3, 2, 1], [1, 1, 1, 2, 3, 3, 3], [2, 3, 1, 2, 3, 1, 2]]
    """
    return np.pad(image, width, mode=PADDING_MODES[mode])


def same_padding(size, kernel, stride=1):
    """Pixels that "same" puts before and after, so that the output is ceil(size / stride).

        P = max( (ceil(N / S) - 1) S + K - N, 0 )        the odd one goes after

    With stride 2 and an even size this is not padding 1 on both sides. The notes give "same" to
    stride 1 alone and say that stride 1 keeps the size, which it does with this padding only.

    Spec: CNO-12, E-62

    >>> same_padding(32, 3), same_padding(32, 3, stride=2), same_padding(32, 5, stride=2)
    ((1, 1), (0, 1), (1, 2))
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def output_size(size, kernel, padding=0, stride=1):
    """How many positions a kernel has. One of the notes leaves out the padding and the floor.

        O = floor( (N + 2P - K) / S ) + 1

    "full" is P = K - 1: more places, but nothing resampled. AlexNet's 55 follow from 227 pixels, or
    from 224 and P = 2; 224 alone, as the notes have it, gives 54. Stride 2 halves as pooling does.

    Spec: CNO-03, CNO-13, CNO-18, CNA-07, E-01, E-57, E-60

    >>> output_size(227, 11, stride=4), output_size(224, 11, stride=4), output_size(5, 3, padding=2)
    (55, 54, 7)
    """
    return (size + 2 * padding - kernel) // stride + 1


def transposed_output_size(size, kernel, padding=0, stride=1):
    """The size that a convolution of the same settings would come from.

        O = (N - 1) S - 2P + K

    Spec: CNO-39

    >>> transposed_output_size(4, 4, padding=1, stride=2), transposed_output_size(1, 4)
    (8, 4)
    """
    return (size - 1) * stride - 2 * padding + kernel


def convolution_parameters(channels, filters, kernel, groups=1, bias=True):
    """Weights and biases of a layer, whatever the size of the image.

        N = n (c k k / groups + 1)

    Two groups halve AlexNet's second layer; two 3x3 see as much as one 5x5 with fewer weights; a
    bottleneck 256-64-64-256 has a 17th of the weights of two 3x3 on 256.

    Spec: CNO-19, CNO-22, CNO-23, CNO-50, CNO-52, CNA-09

    >>> [convolution_parameters(*sizes) for sizes in ((3, 32, 3), (64, 128, 3), (3, 96, 11))]
    [896, 73856, 34944]
    """
    return filters * (channels // groups * kernel**2 + bias)


def convolution_macs(height, width, channels, filters, kernel, groups=1):
    """Multiply-adds of a layer, from the size of its OUTPUT. The notes call them FLOPs, of which
    there are two in each.

        MACs = H W n c k k / groups

    Spec: CNO-20, E-61

    >>> convolution_macs(55, 55, 3, 96, 11)  # AlexNet's first layer
    105415200
    """
    return height * width * filters * channels // groups * kernel**2


def receptive_field(layers):
    """Input pixels, along one side, that a unit after these (kernel, stride) layers can see. j is
    how far apart in the image two neighbouring units stand.

        r <- r + (k - 1) j        j <- j s

    A dilated kernel counts as k_eff.

    Spec: CNO-50, CNO-51, DET-23

    >>> receptive_field([(3, 1)] * 2), receptive_field([(3, 1), (5, 1), (9, 1)])
    (5, 15)
    """
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field
