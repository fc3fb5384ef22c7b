"""Attention: every position asks all of them, and takes from each what fits its question."""

import numpy as np

from kerasdl.formulas.activations import softmax


def attention_weights(query, key, mask=None):
    """How much each query takes from each key; a row sums to 1, and is 0 where `mask` is false.

        A = softmax(Q K^T / sqrt(d))

    q . k of d random numbers of variance 1 has variance d; the root brings it back to 1, where
    softmax still weighs and does not just pick.

    Spec: TRF-12, TRF-13, TRF-15

    >>> attention_weights(np.eye(2), np.eye(2)).round(6).tolist()
    [[0.669762, 0.330238], [0.330238, 0.669762]]
    """
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))


def attention(query, key, value, mask=None):
    """A mix of the values for each query: (queries, d), (keys, d), (keys, n) -> (queries, n).

        Y = softmax(Q K^T / sqrt(d)) V

    In self-attention three linear maps of one and the same x give Q, K and V, and Y is added to x:
    an update of it, and no gradient. The notes say otherwise of both.

    Spec: TRF-12, TRF-14, TRF-16

    >>> attention(np.eye(2), np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]])).round(6).tolist()
    [[1.660477, 2.660477], [2.339523, 3.339523]]
    """
    return attention_weights(query, key, mask) @ value


def causal_mask(time):
    """Who may look at whom while the future is unknown: itself, and what came before.

    Spec: TRF-20

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    return np.tril(np.ones((time, time), bool))
