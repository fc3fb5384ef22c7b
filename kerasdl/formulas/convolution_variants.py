"""Variants of convolution: unshared, separable, gated and dynamic kernels."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import sigmoid, softmax
from kerasdl.formulas.convolution import convolution


def translate(image: ArrayLike, down: int, along: int) -> np.ndarray:
    """Shift an image circularly: what leaves on one side enters on the other.

        T(x)[i, j] = x[i - a, j - b]        conv(T(x)) = T(conv(x))

    This equivariance holds exactly with circular padding, and inside the border with zero padding.
    Invariance, an output that does not change, comes from pooling, and exactly only from pooling
    over all positions.

    Args:
        image: array (height, width, ...).
        down: int, shift a.
        along: int, shift b to the right.

    >>> translate(np.arange(6).reshape(2, 3), 0, 1).tolist()
    [[2, 0, 1], [5, 3, 4]]
    """
    return np.roll(image, (down, along), axis=(0, 1))


def locally_connected(
    image: np.ndarray, kernel: np.ndarray, bias: float | np.ndarray = 0.0
) -> np.ndarray:
    """Locally connected layer: like a convolution, but with its own weights at every position.

        Y(i, j, k) = sum_uvc W_ijk(u, v, c) X(i + u, j + v, c) + b_ijk

    If all positions shared their weights, it would be a convolution.

    Args:
        image: array (height, width, channels).
        kernel: array (rows, columns, height, width, channels, filters).
        bias: array or float.

    >>> places = np.arange(4.0).reshape(2, 2, 1, 1, 1, 1)
    >>> locally_connected(np.ones((2, 2, 1)), places)[..., 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    patches = sliding_window_view(image, kernel.shape[2:4], axis=(0, 1))
    return np.einsum("ijcuv,ijuvck->ijk", patches, kernel) + bias


def locally_connected_parameters(
    rows: int, columns: int, channels: int, filters: int, kernel: int
) -> int:
    """Number of parameters of a locally connected layer: one kernel for each output position.

        N = H W n (c k k + 1)

    Args:
        rows: int, height H of the output.
        columns: int, width W of the output.
        channels: int, input channels c.
        filters: int, output channels n.
        kernel: int, side k of the kernel.

    >>> locally_connected_parameters(30, 30, 3, 8, 3), locally_connected_parameters(1, 1, 3, 8, 3)
    (201600, 224)
    """
    return rows * columns * filters * (channels * kernel**2 + 1)


def spatially_separable_convolution(
    image: np.ndarray, column: np.ndarray, row: np.ndarray
) -> np.ndarray:
    """Convolution with a rank-1 kernel as a column followed by a row: 2k weights in place of k^2.

        K = u v^T    =>    X * K = (X * u) * v^T

    Sobel's kernel is [1, 2, 1] times [-1, 0, 1]; most kernels are not separable.

    Args:
        image: array (height, width).
        column: array (k,), the vector u.
        row: array (k,), the vector v.

    >>> x = np.arange(9.0).reshape(3, 3)
    >>> spatially_separable_convolution(x, np.array([1, 2, 1]), np.array([-1, 0, 1]))
    array([[8.]])
    """
    down = sliding_window_view(image, len(column), axis=0) @ column
    return sliding_window_view(down, len(row), axis=1) @ row


def gated_convolution(
    image: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray,
    gate_kernel: np.ndarray,
    gate_bias: np.ndarray,
) -> np.ndarray:
    """Gated convolution: a second convolution decides how much of the first passes.

        Y = (X * W_a + b_a) sigma(X * W_b + b_b)

    Args:
        image: array (height, width, channels).
        kernel: array (height, width, channels, filters), W_a.
        bias: array, b_a.
        gate_kernel: array like kernel, W_b.
        gate_bias: array, b_b.

    >>> one = np.ones((1, 1, 1, 1))
    >>> gated_convolution(np.full((1, 1, 1), 8.0), one, 0.0, 0 * one, 0.0).ravel()
    array([4.])

    Reference: Dauphin et al., 2017.
    """
    gate = sigmoid(convolution(image, gate_kernel, gate_bias))
    return convolution(image, kernel, bias) * gate


def dynamic_convolution(
    image: np.ndarray,
    kernels: np.ndarray,
    biases: np.ndarray,
    mix: np.ndarray,
    mix_bias: np.ndarray,
) -> np.ndarray:
    """Dynamic convolution: mix several kernels with weights computed from the image.

        a = softmax(mean_hw(X) W + b)        Y = X * sum_k a_k W_k + sum_k a_k b_k

    Args:
        image: array (height, width, channels).
        kernels: array (kernels, height, width, channels, filters).
        biases: array (kernels, filters).
        mix: array (channels, kernels), W.
        mix_bias: array (kernels,), b.

    >>> kernels = np.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1)
    >>> even = np.zeros((1, 2)), np.zeros(2)
    >>> dynamic_convolution(np.full((1, 1, 1), 5.0), kernels, np.zeros((2, 1)), *even).ravel()
    array([10.])

    Reference: Chen et al., 2020.
    """
    weights = softmax(image.mean(axis=(0, 1)) @ mix + mix_bias)  # (kernels,)
    kernel = np.tensordot(weights, kernels, axes=1)
    return convolution(image, kernel, weights @ biases)
