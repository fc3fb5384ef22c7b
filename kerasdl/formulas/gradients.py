"""Gradients by hand: what flows back, how it shrinks or grows, and how it is held.

`upstream` is always the gradient of the loss by the output. `basics.backpropagation` has the two
layers of the notes.
"""

import numpy as np

from kerasdl.formulas.activations import softmax
from kerasdl.formulas.attention import attention_weights


def central_differences(f, w, h=1e-5):
    """The slope of any f by trying it: slow, but it needs no derivation and checks every one.

        df/dw_i = (f(w + h e_i) - f(w - h e_i)) / 2h

    Spec: BAS-13

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


def through_layers(factor, layers):
    """What is left of a gradient that every layer multiplies: it vanishes or explodes.

        g_0 = factor^L g_L

    A sigmoid multiplies by 1/4 at most, and by the weights.

    Spec: BAS-21, BAS-22

    >>> [f"{through_layers(f, n):.3g}" for f, n in ((0.25, 10), (0.9, 100), (1.1, 100))]
    ['9.54e-07', '2.66e-05', '1.38e+04']
    """
    return factor**layers


def clip_by_value(gradient, limit):
    """Cap each component; the direction changes.

        g_i <- min(max(g_i, -v), v)

    Spec: BAS-23

    >>> clip_by_value(np.array([3.0, -4.0, 0.2]), 0.5)
    array([ 0.5, -0.5,  0.2])
    """
    return np.clip(gradient, -limit, limit)


def clip_by_norm(gradient, limit):
    """Shorten a gradient that is too long; the direction stays.

        g <- g tau / ||g||  if ||g|| > tau

    Keras's `clipnorm` does this to each variable by itself, which changes the direction of the
    whole; the notes mean the whole, which is `clip_by_global_norm`.

    Spec: BAS-24

    >>> clip_by_norm(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    return gradient * (limit / max(limit, np.linalg.norm(gradient)))


def clip_by_global_norm(gradients, limit):
    """Shorten the gradients of all variables together, as one vector.

        g_k <- g_k tau / n  if n > tau        n = sqrt( sum_k ||g_k||^2 )

    Keras's `global_clipnorm` and torch's `clip_grad_norm_`.

    Spec: BAS-22, BAS-24, RNN-09

    >>> clip_by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)
    [array([0.6]), array([0.8])]
    """
    norm = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
    return [gradient * (limit / max(limit, norm)) for gradient in gradients]


def softmax_gradient(z, upstream):
    """Through a softmax: each part against the mean of all, weighed by the parts.

        dL/dz_i = p_i (dL/dp_i - sum_j p_j dL/dp_j)

    Spec: ACT-09

    >>> softmax_gradient(np.zeros((1, 2)), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """
    p = softmax(z)
    return p * (upstream - np.sum(p * upstream, axis=-1, keepdims=True))


def cross_entropy_gradient(z, y):
    """Through softmax and cross-entropy at once: what was said less what was right.

        dL/dz = (p - y) / m        p = softmax(z), for one of many; sigma(z), for yes or no

    y is the class of each row. The softmax's own slopes cancel, so a sure mistake still learns.

    Spec: LOS-06

    >>> cross_entropy_gradient(np.zeros((1, 4)), np.array([0])).tolist()
    [[-0.75, 0.25, 0.25, 0.25]]
    """
    return (softmax(z) - np.eye(z.shape[-1])[y]) / len(z)


def batch_normalization_gradient(x, gamma, upstream, epsilon=1e-3):
    """Through BatchNorm, whose mean and variance depend on x too: (m, features).

        dbeta = sum(dy)    dgamma = sum(dy x^)
        dx = gamma / sqrt(var + eps) ( dy - mean(dy) - x^ mean(dy x^) )

    So what comes back moves no feature's mean and, but for eps, no feature's scale.

    Spec: REG-07

    >>> x, dy = np.array([[1.0], [-1.0], [0.0]]), np.array([[1.0], [0.0], [0.0]])
    >>> dx, dgamma, dbeta = batch_normalization_gradient(x, np.ones(1), dy, epsilon=1 / 3)
    >>> dx.round(3).ravel().tolist(), dgamma.tolist(), dbeta.tolist()
    ([0.333, 0.0, -0.333], [1.0], [1.0])
    """
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    normal = (x - x.mean(axis=0)) / deviation
    dgamma, dbeta = np.sum(upstream * normal, axis=0), np.sum(upstream, axis=0)
    dx = gamma / deviation * (upstream - dbeta / len(x) - normal * dgamma / len(x))
    return dx, dgamma, dbeta


def attention_gradient(query, key, value, upstream):
    """Through attention: values get what they gave, and the scores a softmax's gradient.

        dV = A^T dY    dA = dY V^T    dS = A (dA - sum_j A dA)    S = Q K^T / sqrt(d)
        dQ = dS K / sqrt(d)           dK = dS^T Q / sqrt(d)

    Spec: TRF-12

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


def recurrent_jacobian(h, u):
    """How a tanh network's state moves with the one before; its products make or break learning.

        dh_k/dh_{k-1} = diag(1 - h_k^2) U        h_k = tanh(U h_{k-1} + W x_k + b)

    The slope is that at step k; the notes put it at k - 1. If U's largest singular value is below 1
    gradients vanish; above 1 they may explode but need not, as [[0, 2], [0, 0]] shows, whose
    square is 0.

    Spec: RNN-06, RNN-07, E-13, E-14

    >>> recurrent_jacobian(np.array([0.0, 0.5]), np.array([[0.0, 2.0], [1.0, 0.0]])).tolist()
    [[0.0, 2.0], [0.75, 0.0]]
    """
    return (1 - np.asarray(h) ** 2)[:, None] * u


def backpropagation_through_time(x, states, w, u, upstream, slope=lambda h: 1 - h**2):
    """Through h_t = tanh(x_t W + h_{t-1} U + b), last step first; each uses the same weights.

        dz_t = (dL/dh_t + dz_{t+1} U^T) (1 - h_t^2)
        dx_t = dz_t W^T    dW = sum_t x_t^T dz_t    dU = sum_t h_{t-1}^T dz_t    db = sum_t dz_t

    x is (time, inputs), states h_0 to h_T, upstream dL/dh_1 to dL/dh_T, slope that of h by z.

    Spec: RNN-05

    >>> one = np.ones((1, 1))
    >>> h = np.array([[0.0], [0.0], [0.0]])
    >>> backpropagation_through_time(np.array([[1.0], [2.0]]), h, one, 3 * one, np.ones((2, 1)))[0]
    array([[4.],
           [1.]])
    """
    dz, gradients = np.zeros(len(u)), []
    for h, outer in zip(states[:0:-1], upstream[::-1], strict=True):
        dz = (outer + dz @ u.T) * slope(h)
        gradients.append(dz)
    dz = np.array(gradients[::-1])  # (time, units)
    return dz @ w.T, x.T @ dz, states[:-1].T @ dz, dz.sum(axis=0)
