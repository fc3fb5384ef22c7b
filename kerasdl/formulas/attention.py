"""Attention: each position compares its query with all keys and mixes the values accordingly."""

from collections.abc import Sequence

import numpy as np

from kerasdl.formulas.activations import softmax


def attention_weights(
    query: np.ndarray, key: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """Scaled dot-product attention weights: each row sums to 1.

        A = softmax(Q K^T / sqrt(d))

    The dot product of two vectors of d random numbers with variance 1 has variance d. Dividing by
    sqrt(d) brings it back to 1, where softmax still mixes and does not pick a single key.

    Args:
        query: array (..., queries, d).
        key: array (..., keys, d).
        mask: bool array (..., queries, keys), False where a query may not look; None allows
            everything.

    >>> attention_weights(np.eye(2), np.eye(2)).round(6).tolist()
    [[0.669762, 0.330238], [0.330238, 0.669762]]

    Reference: Vaswani et al., 2017.
    """
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))


def attention(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """Scaled dot-product attention: a mix of the values for each query.

        Y = softmax(Q K^T / sqrt(d)) V

    In self-attention query, key and value are three linear maps of the same input. In
    cross-attention the query comes from the decoder, key and value from the encoder. The result is
    added to the input as a residual; it is not a gradient. Without position information attention
    is equivariant to order: permuted tokens give permuted outputs.

    Args:
        query: array (..., queries, d).
        key: array (..., keys, d).
        value: array (..., keys, n).
        mask: bool array (..., queries, keys), False where a query may not look; None allows
            everything.

    >>> attention(np.eye(2), np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]])).round(6).tolist()
    [[1.660477, 2.660477], [2.339523, 3.339523]]

    Reference: Vaswani et al., 2017.
    """
    return attention_weights(query, key, mask) @ value


def causal_mask(time: int) -> np.ndarray:
    """Mask of a language model: each position sees itself and the positions before it.

        M[i, j] = [ j <= i ]

    Args:
        time: int, length of the sequence.

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    return np.tril(np.ones((time, time), bool))


def multi_head_attention(
    x: np.ndarray,
    context: np.ndarray,
    weights: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    heads: int,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Multi-head attention: several attentions in parallel, each on its slice of the width.

        head_i = attention(x W_Q, c W_K, c W_V), the i-th slice of each
        y = [head_1 ; ... ; head_h] W_O

    Self-attention has c = x; a decoder's cross-attention has the encoder's output as c.

    Args:
        x: array (..., queries, width).
        context: array (..., keys, width), called c above.
        weights: four arrays, W_Q, W_K, W_V and W_O.
        biases: four arrays, their biases.
        heads: int, number of heads.
        mask: bool array, as in `attention`.

    >>> x, four = np.eye(2), [np.eye(2)] * 4
    >>> multi_head_attention(x, x, four, [0] * 4, heads=1).round(6).tolist()
    [[0.669762, 0.330238], [0.330238, 0.669762]]

    Reference: Vaswani et al., 2017.
    """
    maps = zip((x, context, context), weights[:3], biases[:3], strict=True)
    projected = [y @ w + b for y, w, b in maps]
    query, key, value = (np.stack(np.split(y, heads, axis=-1), axis=-3) for y in projected)
    y = attention(query, key, value, mask)  # (..., heads, time, width / heads)
    return np.concatenate(np.moveaxis(y, -3, 0), axis=-1) @ weights[3] + biases[3]


def additive_attention_weights(
    query: np.ndarray, key: np.ndarray, scale: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """Additive attention of sequence-to-sequence models: a small network scores each pair.

        A = softmax_j( v . tanh(q_i + k_j) )

    Each step of the decoder attends anew, so a long sentence need not fit into one vector.

    Args:
        query: array (..., queries, d), states of the decoder.
        key: array (..., keys, d), states of the encoder.
        scale: array (d,), the vector v.
        mask: bool array (..., queries, keys), False where a query may not look; None allows
            everything.

    >>> additive_attention_weights(np.eye(2), np.eye(2), np.ones(2)).round(3).tolist()
    [[0.364, 0.636], [0.636, 0.364]]

    Reference: Bahdanau et al., 2015.
    """
    scores = np.tanh(query[..., :, None, :] + key[..., None, :, :]) @ scale
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))


def dot_attention_weights(
    query: np.ndarray, key: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """Attention weights from plain dot products, without scaling.

        A = softmax(q . k)

    `keras.layers.Attention` computes this; `keras.layers.MultiHeadAttention` divides by sqrt(d).

    Args:
        query: array (..., queries, d).
        key: array (..., keys, d).
        mask: bool array (..., queries, keys), False where a query may not look; None allows
            everything.

    >>> dot_attention_weights(np.eye(2), np.eye(2)).round(3).tolist()
    [[0.731, 0.269], [0.269, 0.731]]

    Reference: Luong et al., 2015.
    """
    return attention_weights(np.sqrt(query.shape[-1]) * query, key, mask)


def attention_scores(time: int, heads: int = 1, layers: int = 1) -> int:
    """Number of attention scores: it grows with the square of the sequence length.

        N = layers heads T^2

    Args:
        time: int, length T.
        heads: int, heads of a layer.
        layers: int, number of layers.

    >>> attention_scores(256) // attention_scores(128)
    4
    """
    return layers * heads * time**2


def windowed_scores(height: int, width: int, window: int, heads: int = 1) -> int:
    """Number of attention scores if each patch attends only to its own window.

        N = heads (H W / w^2) (w^2)^2 = heads H W w^2

    The cost grows linearly with the number of patches. Swin transformers do this and shift the
    windows by half their side in every other layer.

    Args:
        height: int, patches from top to bottom.
        width: int, patches from left to right.
        window: int, side w of a window in patches.
        heads: int, number of heads.

    >>> windowed_scores(56, 56, 7), windowed_scores(56, 56, 56) == attention_scores(56 * 56)
    (153664, True)

    Reference: Liu et al., 2021.
    """
    windows = (height // window) * (width // window)
    return windows * attention_scores(window**2, heads)
