"""Pooling: one number for each window and channel, no weights. Images are (height, width, ...)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

AXES = (-2, -1)


def windows(image, size, stride=None):
    """The size x size windows of an image, as two further axes; side by side unless a stride says
    otherwise.

    >>> windows(np.arange(16).reshape(4, 4), 2)[0, 1].tolist()
    [[2, 3], [6, 7]]
    """
    stride = stride or size
    return sliding_window_view(image, (size, size), axis=(0, 1))[::stride, ::stride]


def max_pooling(image, size=2, stride=None):
    """The strongest response. Windows overlap when the stride is smaller than the size, as in
    AlexNet (3 and 2).

        y = max_window x

    Spec: CNO-28, CNO-31

    >>> max_pooling(np.array([[7, 3, 5, 2], [8, 7, 1, 6], [4, 9, 3, 9], [0, 8, 4, 5]]))
    array([[8, 6],
           [9, 9]])
    """
    return windows(image, size, stride).max(AXES)


def average_pooling(image, size=2, stride=None):
    """The mean response.

        y = mean_window x

    Spec: CNO-29

    >>> average_pooling(np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]]))
    array([[2.75, 4.75],
           [1.75, 1.75]])
    """
    return windows(image, size, stride).mean(AXES)


def l2_pooling(image, size=2, stride=None):
    """The length of the window, seen as a vector.

        y = sqrt( sum_window x^2 )

    Spec: CNO-32

    >>> l2_pooling(np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])).round(3)
    array([[ 7.28 , 10.63 ],
           [ 3.873,  4.583]])
    """
    return np.sqrt((windows(image, size, stride) ** 2).sum(AXES))


def global_average_pooling(image):
    """One number a channel, whatever the size of the image.

        y_c = mean_ij x(i, j, c)

    Spec: CNO-30

    >>> example = np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])
    >>> float(global_average_pooling(example))
    2.75
    """
    return image.mean(axis=(0, 1))
