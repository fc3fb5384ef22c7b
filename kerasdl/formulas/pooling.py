"""Pooling: one number for each window and channel, no weights. Images are (height, width, ...)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

AXES = (-2, -1)


def windows(image, size, stride=None):
    """The size x size windows of an image, as two further axes; side by side unless a stride says
    otherwise.

        w_ij = x[iS : iS + K, jS : jS + K]

    Spec: CNO-31

    >>> windows(np.arange(16).reshape(4, 4), 2)[0, 1].tolist()
    [[2, 3], [6, 7]]
    """
    stride = stride or size
    return sliding_window_view(image, (size, size), axis=(0, 1))[::stride, ::stride]


def max_pooling(image, size=2, stride=None):
    """The strongest response of each channel. Windows may lie side by side, or overlap where the
    stride is smaller than the size, as in AlexNet (3 and 2): the notes have both.

        y = max_window x

    Pooling keeps the number of channels; the notes let it gain depth, which more filters do. It is
    no average, no network has to have it, and it forgets where in the window the maximum was.

    Spec: CNO-28, CNO-31, E-23, E-24, E-63

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

    Moving the image moves nothing here: this is the invariance that convolution has not. As a head
    it saves most of the weights: 512 x 1000 for the 7 x 7 x 512 x 4096 of a dense layer. (One of
    the notes finds averaging unusual for classification; this is how it is mostly done.)

    Spec: CNO-26, CNO-30, CNA-28, E-22, E-24

    >>> example = np.array([[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])
    >>> float(global_average_pooling(example))
    2.75
    """
    return image.mean(axis=(0, 1))


def max_and_average_pooling(image, size=2, stride=None):
    """Both, side by side: twice the channels.

        y = [max_window x, mean_window x]

    Spec: CNO-34

    >>> max_and_average_pooling(np.array([[[1.0], [5.0]], [[2.0], [0.0]]])).ravel().tolist()
    [5.0, 2.0]
    """
    parts = max_pooling(image, size, stride), average_pooling(image, size, stride)
    return np.concatenate(parts, axis=-1)


def stochastic_pooling_chances(image, size=2, stride=None):
    """How likely each number of a window is drawn while training: in proportion to its size.

        P(i) = x_i / sum_window x        x >= 0, as after a ReLU

    Spec: CNO-33

    >>> stochastic_pooling_chances(np.array([[1.0, 3.0], [0.0, 0.0]])).ravel().tolist()
    [0.25, 0.75, 0.0, 0.0]
    """
    parts = windows(np.maximum(image, 0), size, stride)
    return parts / np.maximum(parts.sum(AXES, keepdims=True), 1e-7)


def stochastic_pooling(image, size=2, stride=None):
    """What is drawn on average, and what is given when judging: strong ones count more.

        y = sum_window P(i) x_i = sum x^2 / sum x

    Spec: CNO-33

    >>> stochastic_pooling(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist()
    [[2.5]]
    """
    parts = windows(np.maximum(image, 0), size, stride)
    return (stochastic_pooling_chances(image, size, stride) * parts).sum(AXES)
