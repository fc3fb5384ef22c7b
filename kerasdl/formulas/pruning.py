"""Pruning: which weights to remove, when, and what that saves."""

import numpy as np
from numpy.typing import ArrayLike


def magnitude_mask(w: np.ndarray, sparsity: float) -> np.ndarray:
    """Magnitude pruning mask: 1 for the largest weights, 0 for the rest.

        m_i = [ rank |w_i| >= n - round(n (1 - s)) ]        w <- m w, after every step too

    Among equal weights the first are removed. The mask is applied after every training step.

    Args:
        w: array, weights.
        sparsity: float, fraction s to remove, in [0, 1).

    >>> w = np.array([0.1, 0.9, -0.5, 0.02, 0.7, -0.05, 0.3, 0.8, -0.6, 0.4])
    >>> magnitude_mask(w, 0.3).tolist()
    [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]

    Reference: Han et al., 2015.
    """
    order = np.argsort(np.abs(w), axis=None, kind="stable")
    mask = np.zeros(w.size)
    mask[order[w.size - max(1, round(w.size * (1 - sparsity))) :]] = 1
    return mask.reshape(w.shape)


def two_of_four(w: np.ndarray) -> np.ndarray:
    """2:4 sparsity: keep the two largest of every four input weights, for sparse tensor cores.

        m = top_2 |w| of (w_4i, ..., w_4i+3)

    Args:
        w: array (inputs, outputs); inputs must be a multiple of 4.

    >>> two_of_four(np.array([[0.1], [-0.9], [0.5], [0.2]])).ravel().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    groups = np.abs(w).reshape(-1, 4, w.shape[1])
    ranks = groups.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return (ranks >= 2).astype(float).reshape(w.shape)


def sparsity_schedule(
    t: ArrayLike, final: float, end: int, begin: int = 0, initial: float = 0.0, power: float = 3
) -> np.ndarray:
    """Pruning schedule: fast at first, then more and more slowly.

        s(t) = s_f + (s_i - s_f) (1 - (t - t_0) / (t_1 - t_0))^3

    Args:
        t: array, steps.
        final: float, sparsity s_f at the end.
        end: int, step t_1 at which it is reached.
        begin: int, step t_0 at which pruning starts.
        initial: float, sparsity s_i at the start.
        power: float, exponent; 3 is the usual cubic schedule.

    >>> sparsity_schedule(np.array([0, 50, 100, 200]), final=0.8, end=100).round(3).tolist()
    [0.0, 0.7, 0.8, 0.8]

    Reference: Zhu and Gupta, 2018.
    """
    past = np.clip((np.asarray(t) - begin) / (end - begin), 0, 1)
    return final + (initial - final) * (1 - past) ** power


def bits_per_weight(sparsity: float | np.ndarray, bits: int = 32) -> np.ndarray:
    """Smallest possible bits per weight of a lossless file, if the remaining weights are noise.

        H(s) + (1 - s) b        H(s) = -s log2 s - (1 - s) log2(1 - s), 0 < s < 1

    The entropy H(s) codes the positions, (1 - s) b the values.

    Args:
        sparsity: array, fraction s of zeros, in (0, 1).
        bits: int, bits b of a weight.

    >>> bits_per_weight(np.array([0.5, 0.8])).round(3).tolist()
    [17.0, 7.122]
    """
    kept = 1 - np.asarray(sparsity)
    return -sparsity * np.log2(sparsity) - kept * np.log2(kept) + kept * bits
