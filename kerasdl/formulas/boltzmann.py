"""Restricted Boltzmann machines: one layer of a deep belief network, learned without labels.

v (batch, visible) and h (batch, hidden) are 0 or 1; W is (visible, hidden).
"""

import numpy as np

from kerasdl.formulas.activations import sigmoid


def hidden_probability(v: np.ndarray, w: np.ndarray, b_h: np.ndarray) -> np.ndarray:
    """Probability that each hidden unit is 1, given the visible ones.

        p(h = 1 | v) = sigma(v W + b_h)        p(v = 1 | h) = sigma(h W^T + b_v)

    For the visible units, given the hidden ones, use W^T and b_v.

    Args:
        v: array (..., visible).
        w: array (visible, hidden).
        b_h: array (hidden,).

    >>> hidden_probability(np.array([1.0, 0.0]), np.array([[0.0], [5.0]]), 0.0).tolist()
    [0.5]

    Reference: Smolensky, 1986.
    """
    return sigmoid(v @ w + b_h)


def free_energy(v: np.ndarray, w: np.ndarray, b_v: np.ndarray, b_h: np.ndarray) -> np.ndarray:
    """Free energy of visible units: low where the machine considers them likely.

        F(v) = -v b_v - sum_j ln(1 + e^(v W_j + b_hj))        p(v) = e^-F(v) / Z

    Args:
        v: array (..., visible).
        w: array (visible, hidden).
        b_v: array (visible,).
        b_h: array (hidden,).

    >>> round(float(free_energy(np.array([1.0]), np.array([[0.0]]), np.array([2.0]), 0.0)), 6)
    -2.693147
    """
    return -v @ b_v - np.sum(np.logaddexp(0, v @ w + b_h), axis=-1)


def contrastive_divergence(
    v: np.ndarray,
    w: np.ndarray,
    b_v: np.ndarray,
    b_h: np.ndarray,
    hidden_uniform: np.ndarray,
    visible_uniform: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Updates of W, b_v and b_h after one step of Gibbs sampling (CD-1).

        h ~ p(h | v)        v' ~ p(v | h)
        dW = (v^T p(h | v) - v'^T p(h | v')) / m    db_v = mean(v - v')    db_h = mean(p_h - p_h')

    They make the data more likely and the machine's own samples less so.

    Args:
        v: array (batch, visible), data.
        w: array (visible, hidden).
        b_v: array (visible,).
        b_h: array (hidden,).
        hidden_uniform: array (batch, hidden), numbers from [0, 1); a unit is 1 if its number is
            below its probability.
        visible_uniform: array (batch, visible), the same for the visible units.

    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> [g.ravel().tolist() for g in contrastive_divergence(one, 0 * one, zero, zero, one, one)]
    [[0.5], [1.0], [0.0]]

    Reference: Hinton, 2002.
    """
    p = hidden_probability(v, w, b_h)
    h = (hidden_uniform < p) * 1.0
    made = (visible_uniform < hidden_probability(h, w.T, b_v)) * 1.0
    q = hidden_probability(made, w, b_h)
    return (v.T @ p - made.T @ q) / len(v), np.mean(v - made, axis=0), np.mean(p - q, axis=0)


def pseudo_likelihood(
    v: np.ndarray, places: np.ndarray, w: np.ndarray, b_v: np.ndarray, b_h: np.ndarray
) -> np.ndarray:
    """Estimate of the log-likelihood: how well one unit is predicted from all others.

        n ln sigma( F(v with v_i turned) - F(v) )

    Args:
        v: array (batch, visible).
        places: array (batch,), index of the unit that is flipped in each row.
        w: array (visible, hidden).
        b_v: array (visible,).
        b_h: array (hidden,).

    >>> v, w = np.array([[1.0]]), np.zeros((1, 1))
    >>> pseudo_likelihood(v, [0], w, np.array([0.0]), np.zeros(1)).round(6).tolist()
    [-0.693147]
    """
    turned = v.copy()
    rows = np.arange(len(v))
    turned[rows, places] = 1 - v[rows, places]
    difference = free_energy(turned, w, b_v, b_h) - free_energy(v, w, b_v, b_h)
    return -v.shape[1] * np.logaddexp(0, -difference)
