"""Normalization: keep a layer's numbers in a range that the next one can use."""

import numpy as np


def standardized(x, axis, epsilon=1e-3):
    """Mean 0 and variance 1 along some axes: all of these layers but the last two do this.

        x^ = (x - mean) / sqrt(var + eps)

    Spec: REG-07, REG-15

    >>> standardized(np.array([1.0, 3.0]), axis=0, epsilon=0.0)
    array([-1.,  1.])
    """
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def batch_normalization(x, gamma=1.0, beta=0.0, epsilon=1e-3):
    """Each channel over the batch and all places, then a width and a centre that are learned.

        y = gamma (x - mu_B) / sqrt(var_B + eps) + beta

    One of the notes leaves out eps, without which a constant channel is divided by 0. A bias just
    before it is taken off again with the mean, so layers before it need none. It stands between a
    layer and its activation, also in GANs, where one of the notes has it last. What the next layer
    hears then stays much the same while those before it learn. Keras's eps is 1e-3, torch's 1e-5.

    Spec: REG-07, REG-08, REG-12, REG-13, E-32, E-50

    >>> batch_normalization(np.array([[1.0, 5.0], [3.0, 5.0]]), epsilon=0.21).round(3).tolist()
    [[-0.909, 0.0], [0.909, 0.0]]
    """
    return gamma * standardized(x, tuple(range(x.ndim - 1)), epsilon) + beta


def running_average(running, batch, momentum=0.99):
    """What BatchNorm uses once it is trained: means and variances of many batches, fading.

        r <- momentum r + (1 - momentum) batch

    Keras's 0.99 would be torch's 0.01. Keras averages the variance of the batch as it is, torch the
    one over n - 1.

    Spec: REG-09

    >>> running_average(2.0, 4.0, momentum=0.5)
    3.0
    """
    return momentum * running + (1 - momentum) * batch


def batch_normalization_inference(x, mean, variance, gamma=1.0, beta=0.0, epsilon=1e-3):
    """BatchNorm with running averages: one image at a time, and the same whatever is beside it.

        y = gamma (x - r_mean) / sqrt(r_var + eps) + beta

    A network that was trained elsewhere shall keep its averages while it is fine-tuned; the notes'
    second phase lets them move. In Keras 3.15 `trainable = False` of these layers holds them;
    `base(x, training=False)` in a functional model does not, since `fit` overrules it.

    Spec: REG-09, TRL-04, E-81

    >>> float(batch_normalization_inference(5.0, mean=3.0, variance=4.0, epsilon=0.0))
    1.0
    """
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def layer_normalization(x, gamma=1.0, beta=0.0, epsilon=1e-3):
    """Each token over its features: it knows no batch, so training and use are the same.

        y = gamma (x - mu) / sqrt(var + eps) + beta

    The notes have the heading alone.

    Spec: REG-15, TRF-22, E-87

    >>> layer_normalization(np.array([[1.0, 3.0], [10.0, 30.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return gamma * standardized(x, -1, epsilon) + beta


def group_normalization(x, groups, gamma=1.0, beta=0.0, epsilon=1e-3):
    """Each image over its places and a group of channels; a group a channel is instance norm.

        y = gamma (x - mu_g) / sqrt(var_g + eps) + beta

    Spec: REG-15

    >>> x = np.array([[1.0, 3.0, 10.0, 30.0]])
    >>> group_normalization(x, groups=2, epsilon=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    grouped = x.reshape(*x.shape[:-1], groups, -1)  # (batch, ..., groups, channels)
    axes = (*range(1, grouped.ndim - 2), grouped.ndim - 1)
    return gamma * standardized(grouped, axes, epsilon).reshape(x.shape) + beta


def local_response_normalization(x, radius=2, bias=2.0, alpha=1e-4, beta=0.75):
    """Channels compete: each is divided by the energy of its neighbours, as in AlexNet.

        y_c = x_c / (k + alpha sum_{|c' - c| <= r} x_c'^2)^beta

    torch divides alpha by the window's size 2r + 1; the paper, TensorFlow and this do not. AlexNet,
    where it comes from, made ReLU and dropout popular, but introduced neither.

    Spec: CNA-08, REG-16

    >>> local_response_normalization(np.array([3.0, 4.0, 0.0]), 1, bias=0.0, alpha=1.0, beta=0.5)
    array([0.6, 0.8, 0. ])
    """
    padded = np.pad(x**2, [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=-1)
    return x / (bias + alpha * windows.sum(-1)) ** beta


def spectral_normalization(w, u, steps=1):
    """Weights that stretch nothing: divided by their largest singular value, found by iteration.

        v <- u W^T / ||u W^T||    u <- v W / ||v W||    sigma = v W u^T    W <- W / sigma

    u is kept from call to call, so that a step each time is enough.

    Spec: REG-22, GAN-23

    >>> spectral_normalization(np.diag([3.0, 1.0]), np.ones(2), steps=20)[0].round(6).tolist()
    [[1.0, 0.0], [0.0, 0.333333]]
    """
    for _ in range(steps):
        v = u @ w.T
        v = v / np.linalg.norm(v)
        u = v @ w
        u = u / np.linalg.norm(u)
    return w / (v @ w @ u), u
