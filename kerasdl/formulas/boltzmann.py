"""Restricted Boltzmann machines: one layer of a deep belief net, learned without labels.

v (batch, visible) and h (batch, hidden) are 0 or 1; W is (visible, hidden).
"""

import numpy as np

from kerasdl.formulas.activations import sigmoid


def hidden_probability(v, w, b_h):
    """How likely each hidden unit is on; of the visible ones it is the same with W^T.

        p(h = 1 | v) = sigma(v W + b_h)        p(v = 1 | h) = sigma(h W^T + b_v)

    Spec: TRL-19

    >>> hidden_probability(np.array([1.0, 0.0]), np.array([[0.0], [5.0]]), 0.0).tolist()
    [0.5]
    """
    return sigmoid(v @ w + b_h)


def free_energy(v, w, b_v, b_h):
    """How unlikely v is, but for a constant: low where data is.

        F(v) = -v b_v - sum_j ln(1 + e^(v W_j + b_hj))        p(v) = e^-F(v) / Z

    Spec: TRL-19

    >>> round(float(free_energy(np.array([1.0]), np.array([[0.0]]), np.array([2.0]), 0.0)), 6)
    -2.693147
    """
    return -v @ b_v - np.sum(np.logaddexp(0, v @ w + b_h), axis=-1)


def contrastive_divergence(v, w, b_v, b_h, hidden_uniform, visible_uniform):
    """What to add to W, b_v and b_h: raise what is seen, lower what the machine makes of it.

        h ~ p(h | v)        v' ~ p(v | h)
        dW = (v^T p(h | v) - v'^T p(h | v')) / m    db_v = mean(v - v')    db_h = mean(p_h - p_h')

    The uniform numbers make the draws: what is below its probability is on.

    Spec: TRL-19

    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> [g.ravel().tolist() for g in contrastive_divergence(one, 0 * one, zero, zero, one, one)]
    [[0.5], [1.0], [0.0]]
    """
    p = hidden_probability(v, w, b_h)
    h = (hidden_uniform < p) * 1.0
    made = (visible_uniform < hidden_probability(h, w.T, b_v)) * 1.0
    q = hidden_probability(made, w, b_h)
    return (v.T @ p - made.T @ q) / len(v), np.mean(v - made, axis=0), np.mean(p - q, axis=0)


def pseudo_likelihood(v, places, w, b_v, b_h):
    """How well each number can be told from all others; `places` says which one is tried.

        n ln sigma( F(v with v_i turned) - F(v) )

    Spec: TRL-19

    >>> v, w = np.array([[1.0]]), np.zeros((1, 1))
    >>> pseudo_likelihood(v, [0], w, np.array([0.0]), np.zeros(1)).round(6).tolist()
    [-0.693147]
    """
    turned = v.copy()
    rows = np.arange(len(v))
    turned[rows, places] = 1 - v[rows, places]
    difference = free_energy(turned, w, b_v, b_h) - free_energy(v, w, b_v, b_h)
    return -v.shape[1] * np.logaddexp(0, -difference)
