"""Quantization: real numbers as small integers with a scale and a zero point."""

import numpy as np
from numpy.typing import ArrayLike


def affine(low: float, high: float, bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of a range, which is widened to contain 0, because 0 must be exact.

        s = (high - low) / (2^b - 1)        z = -2^(b-1) - round(low / s)

    Args:
        low: float, smallest value.
        high: float, largest value.
        bits: int, bits b of the integers.

    >>> scale, zero_point = affine(0.0, 1.0)
    >>> round(float(scale), 5), int(zero_point)
    (0.00392, -128)

    Reference: Jacob et al., 2018.
    """
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    scale = (high - low) / (2**bits - 1)
    return scale, -(2 ** (bits - 1)) - np.round(low / scale).astype(int)


def symmetric(x: ArrayLike, bits: int = 8) -> np.ndarray:
    """Symmetric scales of weights, one for each index of the first axis; the zero point is 0.

        s_c = max |x_c| / (2^(b-1) - 1)

    Args:
        x: array (channels, ...).
        bits: int, bits b of the integers.

    >>> symmetric(np.array([[0.5, -1.27], [2.54, 0.0]])).round(2).tolist()
    [[0.01], [0.02]]
    """
    largest = np.abs(x).max(axis=tuple(range(1, np.ndim(x))), keepdims=True)
    return largest / (2 ** (bits - 1) - 1)


def quantize(x: ArrayLike, scale: ArrayLike, zero_point: int = 0, bits: int = 8) -> np.ndarray:
    """Quantize to the nearest integer; values outside the range are clipped.

        q = clip(round(x / s) + z, -2^(b-1), 2^(b-1) - 1)

    Args:
        x: array.
        scale: array or float, s.
        zero_point: int, z.
        bits: int, bits b of the integers.

    >>> quantize(np.array([-1.0, 0.0, 0.5, 1.0]), *affine(-1.0, 1.0)).tolist()
    [-128, 0, 64, 127]
    """
    q = np.round(np.asarray(x) / scale).astype(int) + zero_point
    return np.clip(q, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def dequantize(q: np.ndarray, scale: float | np.ndarray, zero_point: int = 0) -> np.ndarray:
    """Convert integers back to real numbers, at most s / 2 from the original inside the range.

        x = s (q - z)

    Args:
        q: int array.
        scale: array or float, s.
        zero_point: int, z.

    >>> dequantize(np.array([-128, 0, 64]), 0.25, zero_point=-128).tolist()
    [0.0, 32.0, 48.0]
    """
    return scale * (np.asarray(q) - zero_point)


def dynamic_range_dense(x: np.ndarray, w: np.ndarray, b: float | np.ndarray = 0.0) -> np.ndarray:
    """Dense layer with int8 weights, whose inputs are quantized on the fly.

        y = s_x s_w (q_x q_w) + b        s_x of each row, s_w of each output

    Args:
        x: array (batch, inputs).
        w: array (inputs, units).
        b: array (units,) or float.

    >>> dynamic_range_dense(np.array([[1.0, 2.0]]), np.eye(2)).round(2).tolist()
    [[1.01, 2.0]]
    """
    of_inputs, of_weights = symmetric(x), symmetric(w.T)
    product = quantize(x, of_inputs) @ quantize(w.T, of_weights).T
    return product * of_inputs * of_weights.T + b


def weight_bytes(parameters: int, bits: int) -> float:
    """Size of weights in a file: int8 takes a quarter of float32, apart from scales and biases.

        N b / 8

    Args:
        parameters: int, number N of weights.
        bits: int, bits b of a weight.

    >>> weight_bytes(535_818, 32), weight_bytes(535_818, 8)  # 784-512-256-10
    (2143272.0, 535818.0)
    """
    return parameters * bits / 8
