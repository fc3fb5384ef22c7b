"""Relatives of convolution: other weights at each place, or for each image; gates; thin kernels."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerasdl.formulas.activations import sigmoid, softmax
from kerasdl.formulas.convolution import convolution


def translate(image, down, along):
    """Move an image on a torus: what leaves on one side comes in on the other.

        T(x)[i, j] = x[i - a, j - b]        conv(T(x)) = T(conv(x))

    With circular padding that holds for convolution at every place, with zeros inside only. Moving
    along, equivariance, is not what the notes call it, invariance: that comes from pooling, and
    only of all places exactly.

    Spec: CNO-25, E-22

    >>> translate(np.arange(6).reshape(2, 3), 0, 1).tolist()
    [[2, 0, 1], [5, 3, 4]]
    """
    return np.roll(image, (down, along), axis=(0, 1))


def locally_connected(image, kernel, bias=0.0):
    """Neighbourhoods as in a convolution, but each with weights of its own: `kernel` is
    (rows, columns, height, width, channels, filters).

        Y(i, j, k) = sum_uvc W_ijk(u, v, c) X(i + u, j + v, c) + b_ijk

    The notes let these neurons share their weights; shared, it is a convolution.

    Spec: CNO-24, E-25

    >>> places = np.arange(4.0).reshape(2, 2, 1, 1, 1, 1)
    >>> locally_connected(np.ones((2, 2, 1)), places)[..., 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    patches = sliding_window_view(image, kernel.shape[2:4], axis=(0, 1))
    return np.einsum("ijcuv,ijuvck->ijk", patches, kernel) + bias


def locally_connected_parameters(rows, columns, channels, filters, kernel):
    """A kernel for each place: as many times a convolution's weights as there are places.

        N = H W n (c k k + 1)

    Spec: CNO-24

    >>> locally_connected_parameters(30, 30, 3, 8, 3), locally_connected_parameters(1, 1, 3, 8, 3)
    (201600, 224)
    """
    return rows * columns * filters * (channels * kernel**2 + 1)


def spatially_separable_convolution(image, column, row):
    """A kernel that is a column times a row, one after the other: 2k weights for k^2.

        K = u v^T    =>    X * K = (X * u) * v^T

    Sobel's is [1, 2, 1] times [-1, 0, 1]; most kernels are of no such kind.

    Spec: CNO-48

    >>> x = np.arange(9.0).reshape(3, 3)
    >>> spatially_separable_convolution(x, np.array([1, 2, 1]), np.array([-1, 0, 1]))
    array([[8.]])
    """
    down = sliding_window_view(image, len(column), axis=0) @ column
    return sliding_window_view(down, len(row), axis=1) @ row


def gated_convolution(image, kernel, bias, gate_kernel, gate_bias):
    """One convolution says what, another how much of it passes.

        Y = (X * W_a + b_a) sigma(X * W_b + b_b)

    Spec: CNO-49

    >>> one = np.ones((1, 1, 1, 1))
    >>> gated_convolution(np.full((1, 1, 1), 8.0), one, 0.0, 0 * one, 0.0).ravel()
    array([4.])
    """
    gate = sigmoid(convolution(image, gate_kernel, gate_bias))
    return convolution(image, kernel, bias) * gate


def dynamic_convolution(image, kernels, biases, mix, mix_bias):
    """A filter that the image itself makes: (kernels, height, width, channels, filters) mixed.

        a = softmax(mean_hw(X) W + b)        Y = X * sum_k a_k W_k + sum_k a_k b_k

    The notes name dynamic filters and say no more. A network may also give the whole kernel, or one
    for each place.

    Spec: CNO-49

    >>> kernels = np.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1)
    >>> even = np.zeros((1, 2)), np.zeros(2)
    >>> dynamic_convolution(np.full((1, 1, 1), 5.0), kernels, np.zeros((2, 1)), *even).ravel()
    array([10.])
    """
    shares = softmax(image.mean(axis=(0, 1)) @ mix + mix_bias)  # (kernels,)
    kernel = np.tensordot(shares, kernels, axes=1)
    return convolution(image, kernel, shares @ biases)
