"""Attributions: how much each pixel or position contributes to an output of a network."""

from collections.abc import Callable, Sequence

import numpy as np


def grad_cam(maps: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Grad-CAM: a layer's feature maps, each weighted by how much it raises an output.

        w_k = mean over i, j of dy/dA_ijk        L_ij = max(0, sum_k w_k A_ijk)

    Args:
        maps: array (..., height, width, channels), the feature maps A.
        slopes: array like maps, the gradient dy/dA of an output.

    >>> maps = np.array([[[1.0, 2.0], [3.0, 0.0]]])  # 1 x 2 pixels, 2 channels
    >>> grad_cam(maps, np.array([[[1.0, -1.0], [1.0, 0.0]]])).tolist()
    [[0.0, 3.0]]

    Reference: Selvaraju et al., 2017.
    """
    weights = slopes.mean((-3, -2), keepdims=True)
    return np.maximum((weights * maps).sum(-1), 0)


def grad_cam_plus_plus(maps: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Grad-CAM++: Grad-CAM with a weight for each pixel of a map, so that each object counts.

        a_ijk = g^2 / (2 g^2 + g^3 sum over i, j of A_ijk)        g = dy/dA_ijk
        w_k = sum over i, j of a_ijk max(0, g)        L_ij = max(0, sum_k w_k A_ijk)

    It is derived for exp(y), whose second and third derivatives are powers of g where the network
    above the maps is piecewise linear; the common factor exp(y) is left out. Pixels whose
    denominator is not positive get a = 0.

    Args:
        maps: array (..., height, width, channels), the feature maps A.
        slopes: array like maps, the gradient dy/dA of an output.

    >>> maps = np.array([[[1.0], [3.0]]])
    >>> grad_cam_plus_plus(maps, np.array([[[1.0], [0.0]]])).round(3).tolist()
    [[0.167, 0.5]]

    Reference: Chattopadhay et al., 2018.
    """
    below = 2 * slopes**2 + slopes**3 * maps.sum((-3, -2), keepdims=True)
    alpha = np.divide(slopes**2, below, out=np.zeros_like(slopes), where=below > 0)
    weights = (alpha * np.maximum(slopes, 0)).sum((-3, -2), keepdims=True)
    return np.maximum((weights * maps).sum(-1), 0)


def integrated_gradients(
    slope: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    baseline: float | np.ndarray = 0.0,
    steps: int = 50,
) -> np.ndarray:
    """Integrated gradients: the mean gradient on the line from a baseline, times the distance.

        IG = (x - b) integral from 0 to 1 of dy/dx(b + t (x - b)) dt

    The sum over all pixels is y(x) - y(b), so each contribution is a part of the output's change.
    The integral is computed by Gauss-Legendre quadrature.

    Args:
        slope: function from an array like x to the gradient dy/dx there.
        x: array, the input.
        baseline: array or float, an input b without information, such as black.
        steps: int, number of points on the line.

    >>> integrated_gradients(lambda x: 3 * x**2, np.array([2.0]), steps=2).round(6).tolist()
    [8.0]

    Reference: Sundararajan, Taly, Yan, 2017.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
    along = zip((1 + nodes) / 2, weights / 2, strict=True)
    return (x - baseline) * sum(w * slope(baseline + t * (x - baseline)) for t, w in along)


def smooth_grad(
    slope: Callable[[np.ndarray], np.ndarray], x: np.ndarray, noise: Sequence[np.ndarray]
) -> np.ndarray:
    """SmoothGrad: the mean gradient at noisy copies of an input.

        mean over n of dy/dx(x + e_n)

    Gradients of deep networks change quickly from pixel to pixel; the mean keeps what they share.

    Args:
        slope: function from an array like x to the gradient dy/dx there.
        x: array, the input.
        noise: arrays like x, e_n.

    >>> smooth_grad(lambda x: x**2, np.array([1.0]), [np.array([1.0]), np.array([-1.0])]).tolist()
    [2.0]

    Reference: Smilkov et al., 2017.
    """
    return np.mean([slope(x + each) for each in noise], axis=0)


def occlusion(
    output: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    window: int,
    stride: int,
    value: float = 0.0,
) -> np.ndarray:
    """Occlusion: how much an output falls, on average, when a window that covers a pixel is hidden.

        L_ij = mean over the windows W that contain (i, j) of y(x) - y(x without W)

    The last window of a row or column is cut off at the border.

    Args:
        output: function from images to an output y for each.
        images: array (number, height, width, channels).
        window: int, side of the windows.
        stride: int, distance between neighboring windows, at most `window`.
        value: float, of hidden pixels.

    >>> image = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> occlusion(lambda x: x.sum((1, 2, 3)), image, window=1, stride=1)[0].tolist()
    [[1.0, 2.0], [3.0, 4.0]]

    Reference: Zeiler and Fergus, 2014.
    """
    total, count = np.zeros(images.shape[:3]), np.zeros(images.shape[1:3])
    whole = output(images)
    starts = [range(0, max(side - window, 0) + stride, stride) for side in images.shape[1:3]]
    for top, left in np.ndindex(*map(len, starts)):
        place = np.s_[top * stride : top * stride + window, left * stride : left * stride + window]
        hidden = images.copy()
        hidden[:, *place] = value
        total[:, *place] += (whole - output(hidden))[:, None, None]
        count[place] += 1
    return total / count


def attention_rollout(weights: Sequence[np.ndarray]) -> np.ndarray:
    """Attention rollout: how much of each input position reaches each output position.

        R = A_L ... A_2 A_1        A_l = (I + mean over the heads of layer l's weights) / 2

    The identity stands for the shortcut around attention. Rows of R sum to one.

    Args:
        weights: arrays (..., heads, time, time), the attention weights of the layers in order.

    >>> attention_rollout([np.array([[[0.0, 1.0], [1.0, 0.0]]])]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]

    Reference: Abnar and Zuidema, 2020.
    """
    rollout = np.eye(weights[0].shape[-1])
    for each in weights:
        rollout = (np.eye(each.shape[-1]) + each.mean(-3)) / 2 @ rollout
    return rollout
