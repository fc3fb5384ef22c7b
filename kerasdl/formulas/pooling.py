"""Pooling: one number for each window and channel, without parameters.

Images are (height, width, ...).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

AXES = (-2, -1)


def windows(image: ArrayLike, size: int, stride: int | None = None) -> np.ndarray:
    """Windows of an image, as two additional axes at the end.

        w_ij = x[iS : iS + K, jS : jS + K]

    Args:
        image: array (height, width, ...).
        size: int, side K of a window.
        stride: int, distance S of two windows; None sets them side by side.

    >>> windows(np.arange(16).reshape(4, 4), 2)[0, 1].tolist()
    [[2, 3], [6, 7]]
    """
    stride = stride or size
    return sliding_window_view(image, (size, size), axis=(0, 1))[::stride, ::stride]


def max_pooling(image: ArrayLike, size: int = 2, stride: int | None = None) -> np.ndarray:
    """Max pooling: the strongest response of each channel in each window.

        y = max_window x

    Windows may lie side by side, or overlap if the stride is smaller than the size, as in AlexNet
    (3 and 2). Pooling keeps the number of channels; strided convolutions can replace it. It forgets
    where in the window the maximum was.

    Args:
        image: array (height, width, ...).
        size: int, side of a window.
        stride: int, distance of two windows; None sets them side by side.

    >>> max_pooling(np.array([[7, 3, 5, 2], [8, 7, 1, 6], [4, 9, 3, 9], [0, 8, 4, 5]]))
    array([[8, 6],
           [9, 9]])
    """
    return windows(image, size, stride).max(AXES)


def average_pooling(image: ArrayLike, size: int = 2, stride: int | None = None) -> np.ndarray:
    """Average pooling: the mean of each window.

        y = mean_window x

    Args:
        image: array (height, width, ...).
        size: int, side of a window.
        stride: int, distance of two windows; None sets them side by side.

    >>> average_pooling(np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]]))
    array([[2.75, 4.75],
           [1.75, 1.75]])
    """
    return windows(image, size, stride).mean(AXES)


def l2_pooling(image: ArrayLike, size: int = 2, stride: int | None = None) -> np.ndarray:
    """L2 pooling: the Euclidean norm of each window.

        y = sqrt( sum_window x^2 )

    Args:
        image: array (height, width, ...).
        size: int, side of a window.
        stride: int, distance of two windows; None sets them side by side.

    >>> l2_pooling(np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])).round(3)
    array([[ 7.28 , 10.63 ],
           [ 3.873,  4.583]])
    """
    return np.sqrt((windows(image, size, stride) ** 2).sum(AXES))


def global_average_pooling(image: np.ndarray) -> np.ndarray:
    """Global average pooling: one number for each channel, whatever the size of the image.

        y_c = mean_ij x(i, j, c)

    Shifting the image does not change it: this is the invariance that convolution lacks. It is the
    usual head of a classifier and saves most weights: 512 x 1000 in place of the 7 x 7 x 512 x 4096
    of a dense layer.

    Args:
        image: array (height, width, ...).

    >>> example = np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])
    >>> float(global_average_pooling(example))
    2.75

    Reference: Lin et al., 2014.
    """
    return image.mean(axis=(0, 1))


def max_and_average_pooling(
    image: ArrayLike, size: int = 2, stride: int | None = None
) -> np.ndarray:
    """Max and average pooling side by side: twice the channels.

        y = [max_window x, mean_window x]

    Args:
        image: array (height, width, channels).
        size: int, side of a window.
        stride: int, distance of two windows; None sets them side by side.

    >>> max_and_average_pooling(np.array([[[1.0], [5.0]], [[2.0], [0.0]]])).ravel().tolist()
    [5.0, 2.0]
    """
    parts = max_pooling(image, size, stride), average_pooling(image, size, stride)
    return np.concatenate(parts, axis=-1)


def stochastic_pooling_chances(
    image: ArrayLike, size: int = 2, stride: int | None = None
) -> np.ndarray:
    """Probability that each number of a window is drawn in training, proportional to its size.

        P(i) = x_i / sum_window x        x >= 0, as after a ReLU

    Args:
        image: array (height, width, ...), not negative, as after a ReLU.
        size: int, side of a window.
        stride: int, distance of two windows; None sets them side by side.

    >>> stochastic_pooling_chances(np.array([[1.0, 3.0], [0.0, 0.0]])).ravel().tolist()
    [0.25, 0.75, 0.0, 0.0]

    Reference: Zeiler and Fergus, 2013.
    """
    parts = windows(np.maximum(image, 0), size, stride)
    return parts / np.maximum(parts.sum(AXES, keepdims=True), 1e-7)


def stochastic_pooling(image: ArrayLike, size: int = 2, stride: int | None = None) -> np.ndarray:
    """Stochastic pooling at inference: the expected value of a training draw.

        y = sum_window P(i) x_i = sum x^2 / sum x

    Args:
        image: array (height, width, ...), not negative, as after a ReLU.
        size: int, side of a window.
        stride: int, distance of two windows; None sets them side by side.

    >>> stochastic_pooling(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist()
    [[2.5]]

    Reference: Zeiler and Fergus, 2013.
    """
    parts = windows(np.maximum(image, 0), size, stride)
    return (stochastic_pooling_chances(image, size, stride) * parts).sum(AXES)
