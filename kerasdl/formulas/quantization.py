"""Quantization: real numbers as small integers, a scale and a zero point."""

import numpy as np


def affine(low, high, bits=8):
    """Scale and zero point of a range, which is widened to hold 0, for 0 must be exact.

        s = (high - low) / (2^b - 1)        z = -2^(b-1) - round(low / s)

    Spec: CMP-06

    >>> scale, zero_point = affine(0.0, 1.0)
    >>> round(float(scale), 5), int(zero_point)
    (0.00392, -128)
    """
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, -(2 ** (bits - 1)) - np.round(low / scale).astype(int)


def symmetric(x, bits=8):
    """The scales of weights, one for each index of the first axis; their zero point is 0.

        s_c = max |x_c| / (2^(b-1) - 1)

    Spec: CMP-05

    >>> symmetric(np.array([[0.5, -1.27], [2.54, 0.0]])).round(2).tolist()
    [[0.01], [0.02]]
    """
    largest = np.abs(x).max(axis=tuple(range(1, np.ndim(x))), keepdims=True)
    return largest / (2 ** (bits - 1) - 1)


def quantize(x, scale, zero_point=0, bits=8):
    """The nearest integer on the grid; what lies outside the range is cut to its end.

        q = clip(round(x / s) + z, -2^(b-1), 2^(b-1) - 1)

    Spec: CMP-06

    >>> quantize(np.array([-1.0, 0.0, 0.5, 1.0]), *affine(-1.0, 1.0)).tolist()
    [-128, 0, 64, 127]
    """
    q = np.round(np.asarray(x) / scale).astype(int) + zero_point
    return np.clip(q, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def dequantize(q, scale, zero_point=0):
    """The real number that an integer stands for, at most s / 2 from the one that it came from.

        x = s (q - z)

    Spec: CMP-07

    >>> dequantize(np.array([-128, 0, 64]), 0.25, zero_point=-128).tolist()
    [0.0, 32.0, 48.0]
    """
    return scale * (np.asarray(q) - zero_point)


def dynamic_range_dense(x, w, b=0.0):
    """A dense layer whose weights are int8 in the file and whose inputs become int8 as they come.

        y = s_x s_w (q_x q_w) + b        s_x of each row, s_w of each output

    Spec: CMP-05

    >>> dynamic_range_dense(np.array([[1.0, 2.0]]), np.eye(2)).round(2).tolist()
    [[1.01, 2.0]]
    """
    of_inputs, of_weights = symmetric(x), symmetric(w.T)
    product = quantize(x, of_inputs) @ quantize(w.T, of_weights).T
    return product * of_inputs * of_weights.T + b


def weight_bytes(parameters, bits):
    """What weights take in a file: int8 a quarter of float32, but for scales and biases.

        N b / 8

    Spec: CMP-05, CMP-16, MET-14

    >>> weight_bytes(535_818, 32), weight_bytes(535_818, 8)  # 784-512-256-10
    (2143272.0, 535818.0)
    """
    return parameters * bits / 8
