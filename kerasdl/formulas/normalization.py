"""Normalization layers: keep activations in a range that the next layer can use."""

import numpy as np


def standardized(x: np.ndarray, axis: int | tuple[int, ...], epsilon: float = 1e-3) -> np.ndarray:
    """Standardize along some axes: mean 0 and variance 1.

        x^ = (x - mean) / sqrt(var + eps)

    Batch, layer and group normalization are built on this.

    Args:
        x: array.
        axis: int or tuple of int, axes of the statistics.
        epsilon: float, added to the variance.

    >>> standardized(np.array([1.0, 3.0]), axis=0, epsilon=0.0)
    array([-1.,  1.])
    """
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def batch_normalization(
    x: np.ndarray,
    gamma: float | np.ndarray = 1.0,
    beta: float | np.ndarray = 0.0,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """Batch normalization in training: standardize each channel over the batch, scale and shift.

        y = gamma (x - mu_B) / sqrt(var_B + eps) + beta

    eps keeps a constant channel from a division by 0; Keras uses 1e-3, PyTorch 1e-5. A bias
    directly before it has no effect, because the mean is subtracted. It stands between a layer and
    its activation, in GANs too. The inputs of the next layer then change less while earlier layers
    learn.

    Args:
        x: array (batch, ..., channels).
        gamma: array (channels,) or float, learned scale.
        beta: array (channels,) or float, learned shift.
        epsilon: float, added to the variance.

    >>> batch_normalization(np.array([[1.0, 5.0], [3.0, 5.0]]), epsilon=0.21).round(3).tolist()
    [[-0.909, 0.0], [0.909, 0.0]]

    Reference: Ioffe and Szegedy, 2015.
    """
    return gamma * standardized(x, tuple(range(x.ndim - 1)), epsilon) + beta


def running_average(
    running: float | np.ndarray, batch: float | np.ndarray, momentum: float = 0.99
) -> float | np.ndarray:
    """Moving average of batch statistics, which batch normalization uses at inference.

        r <- momentum r + (1 - momentum) batch

    Keras's momentum 0.99 is 0.01 in PyTorch's terms. Keras averages the biased variance of the
    batch, PyTorch the unbiased one.

    Args:
        running: array, average so far.
        batch: array, statistic of the current batch.
        momentum: float, fraction that is kept.

    >>> running_average(2.0, 4.0, momentum=0.5)
    3.0
    """
    return momentum * running + (1 - momentum) * batch


def batch_normalization_inference(
    x: float | np.ndarray,
    mean: float | np.ndarray,
    variance: float | np.ndarray,
    gamma: float | np.ndarray = 1.0,
    beta: float | np.ndarray = 0.0,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """Batch normalization at inference, with moving averages: independent of the rest of the batch.

        y = gamma (x - r_mean) / sqrt(r_var + eps) + beta

    While fine-tuning, the averages of a trained network should not move. In Keras 3.15 `trainable =
    False` on these layers freezes them; `base(x, training=False)` in a functional model does not,
    because `fit` overrides it.

    Args:
        x: array (..., channels).
        mean: array (channels,), moving mean.
        variance: array (channels,), moving variance.
        gamma: array (channels,) or float, learned scale.
        beta: array (channels,) or float, learned shift.
        epsilon: float, added to the variance.

    >>> float(batch_normalization_inference(5.0, mean=3.0, variance=4.0, epsilon=0.0))
    1.0
    """
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def layer_normalization(
    x: np.ndarray,
    gamma: float | np.ndarray = 1.0,
    beta: float | np.ndarray = 0.0,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """Layer normalization: standardize each token over its features.

        y = gamma (x - mu) / sqrt(var + eps) + beta

    It does not depend on the batch, so training and inference are the same.

    Args:
        x: array (..., features).
        gamma: array (features,) or float, learned scale.
        beta: array (features,) or float, learned shift.
        epsilon: float, added to the variance.

    >>> layer_normalization(np.array([[1.0, 3.0], [10.0, 30.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]

    Reference: Ba et al., 2016.
    """
    return gamma * standardized(x, -1, epsilon) + beta


def group_normalization(
    x: np.ndarray,
    groups: int,
    gamma: float | np.ndarray = 1.0,
    beta: float | np.ndarray = 0.0,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """Group normalization: standardize each image over positions and a group of channels.

        y = gamma (x - mu_g) / sqrt(var_g + eps) + beta

    One group for each channel makes it instance normalization.

    Args:
        x: array (batch, ..., channels).
        groups: int, number of groups.
        gamma: array (channels,) or float, learned scale.
        beta: array (channels,) or float, learned shift.
        epsilon: float, added to the variance.

    >>> x = np.array([[1.0, 3.0, 10.0, 30.0]])
    >>> group_normalization(x, groups=2, epsilon=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Reference: Wu and He, 2018.
    """
    grouped = x.reshape(*x.shape[:-1], groups, -1)  # (batch, ..., groups, channels)
    axes = (*range(1, grouped.ndim - 2), grouped.ndim - 1)
    return gamma * standardized(grouped, axes, epsilon).reshape(x.shape) + beta


def local_response_normalization(
    x: np.ndarray, radius: int = 2, bias: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> np.ndarray:
    """Local response normalization of AlexNet: divide each channel by the energy of its neighbors.

        y_c = x_c / (k + alpha sum_{|c' - c| <= r} x_c'^2)^beta

    PyTorch divides alpha by the window size 2r + 1; the paper, TensorFlow and this function do not.
    AlexNet made ReLU and dropout popular, but introduced neither.

    Args:
        x: array (..., channels).
        radius: int, neighbors r on each side.
        bias: float, k.
        alpha: float, factor of the energy.
        beta: float, exponent.

    >>> local_response_normalization(np.array([3.0, 4.0, 0.0]), 1, bias=0.0, alpha=1.0, beta=0.5)
    array([0.6, 0.8, 0. ])

    Reference: Krizhevsky et al., 2012.
    """
    padded = np.pad(x**2, [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=-1)
    return x / (bias + alpha * windows.sum(-1)) ** beta


def spectral_normalization(
    w: np.ndarray, u: np.ndarray, steps: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Spectral normalization: divide weights by their largest singular value, by power iteration.

        v <- u W^T / ||u W^T||    u <- v W / ||v W||    sigma = v W u^T    W <- W / sigma

    Returns the weights and the vector u, which is kept between calls, so that one step each is
    enough.

    Args:
        w: array (inputs, outputs).
        u: array (outputs,), estimate of the singular vector.
        steps: int, power iterations.

    >>> spectral_normalization(np.diag([3.0, 1.0]), np.ones(2), steps=20)[0].round(6).tolist()
    [[1.0, 0.0], [0.0, 0.333333]]

    Reference: Miyato et al., 2018.
    """
    for _ in range(steps):
        v = u @ w.T
        v = v / np.linalg.norm(v)
        u = v @ w
        u = u / np.linalg.norm(u)
    return w / (v @ w @ u), u
