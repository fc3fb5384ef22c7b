"""Gradients by hand: backward passes, vanishing and exploding, clipping.

`upstream` is always the gradient of the loss with respect to the output. The two-layer network is
`basics.backpropagation`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import softmax
from kerasdl.formulas.attention import attention_weights


def central_differences(f: Callable, w: ArrayLike, h: float = 1e-5) -> np.ndarray:
    """Numerical gradient of any function: slow, but it needs no derivation and checks every one.

        df/dw_i = (f(w + h e_i) - f(w - h e_i)) / 2h

    Args:
        f: function of w that returns a number.
        w: array, where to differentiate.
        h: float, step.

    >>> central_differences(lambda w: w[0] * w[1], np.array([2.0, 3.0])).round(6).tolist()
    [3.0, 2.0]
    """
    w = np.array(w, float)
    slopes = np.empty_like(w)
    for index in np.ndindex(w.shape):
        kept = w[index]
        w[index] = kept + h
        above = f(w)
        w[index] = kept - h
        slopes[index] = (above - f(w)) / (2 * h)
        w[index] = kept
    return slopes


def through_layers(factor: float, layers: int) -> float:
    """What is left of a gradient that every layer multiplies by the same factor.

        g_0 = factor^L g_L

    Below 1 it vanishes, above 1 it explodes. A sigmoid multiplies by at most 1/4, and by the
    weights.

    Args:
        factor: float, factor of one layer.
        layers: int, number L of layers.

    >>> [f"{through_layers(f, n):.3g}" for f, n in ((0.25, 10), (0.9, 100), (1.1, 100))]
    ['9.54e-07', '2.66e-05', '1.38e+04']
    """
    return factor**layers


def clip_by_value(gradient: ArrayLike, limit: float) -> np.ndarray:
    """Clip each component of a gradient; the direction may change.

        g_i <- min(max(g_i, -v), v)

    Args:
        gradient: array.
        limit: float, largest absolute value v.

    >>> clip_by_value(np.array([3.0, -4.0, 0.2]), 0.5)
    array([ 0.5, -0.5,  0.2])
    """
    return np.clip(gradient, -limit, limit)


def clip_by_norm(gradient: np.ndarray, limit: float) -> np.ndarray:
    """Clip a gradient to a largest norm; the direction stays.

        g <- g tau / ||g||  if ||g|| > tau

    Keras's `clipnorm` does this for each variable separately, which changes the direction of the
    whole gradient; see `clip_by_global_norm`.

    Args:
        gradient: array.
        limit: float, largest norm tau.

    >>> clip_by_norm(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    return gradient * (limit / np.maximum(limit, np.linalg.norm(gradient)))


def clip_by_global_norm(gradients: Sequence[np.ndarray], limit: float) -> list[np.ndarray]:
    """Clip the gradients of all variables together, as one vector.

        g_k <- g_k tau / n  if n > tau        n = sqrt( sum_k ||g_k||^2 )

    Keras calls it `global_clipnorm`, PyTorch `clip_grad_norm_`.

    Args:
        gradients: list of arrays.
        limit: float, largest norm tau.

    >>> clip_by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)
    [array([0.6]), array([0.8])]

    Reference: Pascanu et al., 2013.
    """
    norm = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
    return [gradient * (limit / max(limit, norm)) for gradient in gradients]


def softmax_gradient(z: ArrayLike, upstream: np.ndarray) -> np.ndarray:
    """Backward pass of softmax.

        dL/dz_i = p_i (dL/dp_i - sum_j p_j dL/dp_j)

    Args:
        z: array (..., classes), logits.
        upstream: array like z, dL/dp.

    >>> softmax_gradient(np.zeros((1, 2)), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """
    p = softmax(z)
    return p * (upstream - np.sum(p * upstream, axis=-1, keepdims=True))


def cross_entropy_gradient(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Backward pass of softmax and cross-entropy together: predicted minus true probabilities.

        dL/dz = (p - y) / m        p = softmax(z), for one of many; sigma(z), for yes or no

    The softmax's own slopes cancel, so a confident mistake still has a large gradient. For binary
    cross-entropy p is sigma(z).

    Args:
        z: array (m, classes), logits.
        y: int array (m,), classes.

    >>> cross_entropy_gradient(np.zeros((1, 4)), np.array([0])).tolist()
    [[-0.75, 0.25, 0.25, 0.25]]
    """
    return (softmax(z) - np.eye(z.shape[-1])[y]) / len(z)


def batch_normalization_gradient(
    x: np.ndarray, gamma: np.ndarray, upstream: np.ndarray, epsilon: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Backward pass of batch normalization: gradients of x, gamma and beta.

        dbeta = sum(dy)    dgamma = sum(dy x^)
        dx = gamma / sqrt(var + eps) ( dy - mean(dy) - x^ mean(dy x^) )

    Mean and variance depend on x too. The result changes neither the mean of a feature nor, except
    for eps, its scale.

    Args:
        x: array (m, features).
        gamma: array (features,), scale.
        upstream: array like x, dy.
        epsilon: float, added to the variance.

    >>> x, dy = np.array([[1.0], [-1.0], [0.0]]), np.array([[1.0], [0.0], [0.0]])
    >>> dx, dgamma, dbeta = batch_normalization_gradient(x, np.ones(1), dy, epsilon=1 / 3)
    >>> dx.round(3).ravel().tolist(), dgamma.tolist(), dbeta.tolist()
    ([0.333, 0.0, -0.333], [1.0], [1.0])

    Reference: Ioffe and Szegedy, 2015.
    """
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    normal = (x - x.mean(axis=0)) / deviation
    dgamma, dbeta = np.sum(upstream * normal, axis=0), np.sum(upstream, axis=0)
    dx = gamma / deviation * (upstream - dbeta / len(x) - normal * dgamma / len(x))
    return dx, dgamma, dbeta


def attention_gradient(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Backward pass of scaled dot-product attention: gradients of query, key and value.

        dV = A^T dY    dA = dY V^T    dS = A (dA - sum_j A dA)    S = Q K^T / sqrt(d)
        dQ = dS K / sqrt(d)           dK = dS^T Q / sqrt(d)

    Args:
        query: array (..., queries, d).
        key: array (..., keys, d).
        value: array (..., keys, n).
        upstream: array (..., queries, n), dY.

    >>> q, one = np.zeros((1, 1)), np.ones((2, 1))
    >>> [g.ravel().tolist() for g in attention_gradient(q, one, np.array([[0.0], [2.0]]), [[1.0]])]
    [[0.0], [0.0, 0.0], [0.5, 0.5]]
    """
    weights, upstream = attention_weights(query, key), np.asarray(upstream)
    of_weights = upstream @ np.swapaxes(value, -1, -2)
    scores = weights * (of_weights - np.sum(weights * of_weights, axis=-1, keepdims=True))
    scores = scores / np.sqrt(query.shape[-1])
    transposed = np.swapaxes(scores, -1, -2)
    return scores @ key, transposed @ query, np.swapaxes(weights, -1, -2) @ upstream


def recurrent_jacobian(h: ArrayLike, u: ArrayLike) -> np.ndarray:
    """Jacobian of a tanh network's state with respect to the state before.

        dh_k/dh_{k-1} = diag(1 - h_k^2) U        h_k = tanh(U h_{k-1} + W x_k + b)

    The slope is that of step k. If the largest singular value of U is below 1, gradients vanish.
    Above 1 they may explode but need not: [[0, 2], [0, 0]] has singular value 2 and square 0.

    Args:
        h: array (units,), state h_k.
        u: array (units, units), recurrent weights U.

    >>> recurrent_jacobian(np.array([0.0, 0.5]), np.array([[0.0, 2.0], [1.0, 0.0]])).tolist()
    [[0.0, 2.0], [0.75, 0.0]]

    Reference: Pascanu et al., 2013.
    """
    return (1 - np.asarray(h) ** 2)[:, None] * u


def backpropagation_through_time(
    x: np.ndarray,
    states: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    upstream: np.ndarray,
    slope: Callable = lambda h: 1 - h**2,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Backpropagation through time of a plain recurrent network: dx, dW, dU, db.

        dz_t = (dL/dh_t + dz_{t+1} U^T) (1 - h_t^2)
        dx_t = dz_t W^T    dW = sum_t x_t^T dz_t    dU = sum_t h_{t-1}^T dz_t    db = sum_t dz_t

    Every step uses the same weights, so their gradients add up.

    Args:
        x: array (time, inputs).
        states: array (time + 1, units), h_0 to h_T.
        w: array (inputs, units), W.
        u: array (units, units), U.
        upstream: array (time, units), dL/dh_1 to dL/dh_T.
        slope: function, derivative of h with respect to z, given h; the default is that of tanh.

    >>> one = np.ones((1, 1))
    >>> h = np.array([[0.0], [0.0], [0.0]])
    >>> backpropagation_through_time(np.array([[1.0], [2.0]]), h, one, 3 * one, np.ones((2, 1)))[0]
    array([[4.],
           [1.]])

    Reference: Werbos, 1990.
    """
    dz, gradients = np.zeros(len(u)), []
    for h, outer in zip(states[:0:-1], upstream[::-1], strict=True):
        dz = (outer + dz @ u.T) * slope(h)
        gradients.append(dz)
    dz = np.array(gradients[::-1])  # (time, units)
    return dz @ w.T, x.T @ dz, states[:-1].T @ dz, dz.sum(axis=0)
