"""Pruning: which weights may go, when, and what that saves."""

import numpy as np


def magnitude_mask(w, sparsity):
    """1 for the largest weights, 0 for the rest; of equal ones the first go.

        m_i = [ rank |w_i| >= n - round(n (1 - s)) ]        w <- m w, after every step too

    Spec: CMP-08

    >>> w = np.array([0.1, 0.9, -0.5, 0.02, 0.7, -0.05, 0.3, 0.8, -0.6, 0.4])
    >>> magnitude_mask(w, 0.3).tolist()
    [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """
    order = np.argsort(np.abs(w), axis=None, kind="stable")
    mask = np.zeros(w.size)
    mask[order[w.size - max(1, round(w.size * (1 - sparsity))) :]] = 1
    return mask.reshape(w.shape)


def two_of_four(w):
    """Of every four inputs of an output the two largest, for sparse cores: (inputs, outputs).

        m = top_2 |w| of (w_4i, ..., w_4i+3)

    Spec: CMP-08

    >>> two_of_four(np.array([[0.1], [-0.9], [0.5], [0.2]])).ravel().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    groups = np.abs(w).reshape(-1, 4, w.shape[1])
    ranks = groups.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return (ranks >= 2).astype(float).reshape(w.shape)


def sparsity_schedule(t, final, end, begin=0, initial=0.0, power=3):
    """Fast while much is superfluous, then ever more slowly.

        s(t) = s_f + (s_i - s_f) (1 - (t - t_0) / (t_1 - t_0))^3

    Spec: CMP-08

    >>> sparsity_schedule(np.array([0, 50, 100, 200]), final=0.8, end=100).round(3).tolist()
    [0.0, 0.7, 0.8, 0.8]
    """
    past = np.clip((np.asarray(t) - begin) / (end - begin), 0, 1)
    return final + (initial - final) * (1 - past) ** power


def bits_per_weight(sparsity, bits=32):
    """What no lossless file can be smaller than, if the other weights are noise: where they are,
    and what they are.

        H(s) + (1 - s) b        H(s) = -s log2 s - (1 - s) log2(1 - s), 0 < s < 1

    Spec: CMP-09

    >>> bits_per_weight(np.array([0.5, 0.8])).round(3).tolist()
    [17.0, 7.122]
    """
    kept = 1 - np.asarray(sparsity)
    return -sparsity * np.log2(sparsity) - kept * np.log2(kept) + kept * bits
