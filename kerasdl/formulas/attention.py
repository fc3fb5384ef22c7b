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

    In self-attention three linear maps of one and the same x give Q, K and V; the notes take the
    query from a layer and the others from the embeddings. Only in cross-attention do they differ: Q
    from what is written, K and V from what was read. Y is added to x: an update of it, which the
    notes also call a gradient; it is none. Without positions it does not know the order: tokens
    that change places take their outputs along.

    Spec: TRF-12, TRF-14, TRF-16, TRF-17, E-16, E-17

    >>> attention(np.eye(2), np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]])).round(6).tolist()
    [[1.660477, 2.660477], [2.339523, 3.339523]]
    """
    return attention_weights(query, key, mask) @ value


def causal_mask(time):
    """Who may look at whom while the future is unknown: itself, and what came before.

        M[i, j] = [ j <= i ]

    Spec: TRF-20

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    return np.tril(np.ones((time, time), bool))


def multi_head_attention(x, context, weights, biases, heads, mask=None):
    """Several attentions side by side, each in its own slice of the width, mixed at the end.

        head_i = attention(x W_Q, c W_K, c W_V), the i-th slice of each
        y = [head_1 ; ... ; head_h] W_O

    Self-attention is c = x; a decoder looks at what an encoder read. `weights` and `biases` are
    those of Q, K, V and O.

    Spec: TRF-14, TRF-19, TRF-28

    >>> x, four = np.eye(2), [np.eye(2)] * 4
    >>> multi_head_attention(x, x, four, [0] * 4, heads=1).round(6).tolist()
    [[0.669762, 0.330238], [0.330238, 0.669762]]
    """
    maps = zip((x, context, context), weights[:3], biases[:3], strict=True)
    projected = [y @ w + b for y, w, b in maps]
    parts = [np.stack(np.split(y, heads, axis=-1), axis=-3) for y in projected]
    y = attention(*parts, mask)  # (..., heads, time, width / heads)
    return np.concatenate(np.moveaxis(y, -3, 0), axis=-1) @ weights[3] + biases[3]


def additive_attention_weights(query, key, scale, mask=None):
    """How translation first looked back at what was read: a small network scores each pair.

        A = softmax_j( v . tanh(q_i + k_j) )

    Every step of the decoder asks anew, so a long sentence need not fit into one vector.

    Spec: RNN-30

    >>> additive_attention_weights(np.eye(2), np.eye(2), np.ones(2)).round(3).tolist()
    [[0.364, 0.636], [0.636, 0.364]]
    """
    scores = np.tanh(query[..., :, None, :] + key[..., None, :, :]) @ scale
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))


def dot_attention_weights(query, key, mask=None):
    """The same with the dot product for a score, which needs no weights and no root; Keras's too.

        A = softmax(q . k)

    Spec: RNN-30, TRF-12

    >>> dot_attention_weights(np.eye(2), np.eye(2)).round(3).tolist()
    [[0.731, 0.269], [0.269, 0.731]]
    """
    return attention_weights(np.sqrt(query.shape[-1]) * query, key, mask)


def attention_scores(time, heads=1, layers=1):
    """How many scores a text takes: each position asks each, so that twice the text costs four.

        N = layers heads T^2

    Spec: TRF-30

    >>> attention_scores(256) // attention_scores(128)
    4
    """
    return layers * heads * time**2


def windowed_scores(height, width, window, heads=1):
    """How many, where a patch asks only its window of w x w: twice the patches cost twice as much.

        N = heads (H W / w^2) (w^2)^2 = heads H W w^2

    Swin does so, and moves the windows by half of one in every other layer.

    Spec: CNA-26

    >>> windowed_scores(56, 56, 7), windowed_scores(56, 56, 56) == attention_scores(56 * 56)
    (153664, True)
    """
    windows = (height // window) * (width // window)
    return windows * attention_scores(window**2, heads)
