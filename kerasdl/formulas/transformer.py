"""Parts of a transformer besides attention: feed-forward network, residual blocks, positions."""

from collections.abc import Callable, Sequence

import numpy as np

from kerasdl.formulas.activations import relu


def feed_forward(
    x: np.ndarray,
    w1: np.ndarray,
    b1: np.ndarray,
    w2: np.ndarray,
    b2: np.ndarray,
    activation: Callable = relu,
) -> np.ndarray:
    """Feed-forward part of a block: applied to each position by itself, four times as wide inside.

        y = f(x W1 + b1) W2 + b2

    A column of W1 and its bias test whether x points in some direction; a row of W2 is then added.
    A fact can be stored this way.

    Args:
        x: array (..., width).
        w1: array (width, hidden).
        b1: array (hidden,).
        w2: array (hidden, width).
        b2: array (width,).
        activation: function f.

    >>> x = np.array([[2.0, 0.0], [0.4, 0.0]])  # strongly and weakly in the tested direction
    >>> feed_forward(x, np.array([[1.0], [0.0]]), -1, np.array([[0.0, 5.0]]), 0).tolist()
    [[0.0, 5.0], [0.0, 0.0]]

    Reference: Vaswani et al., 2017.
    """
    return activation(x @ w1 + b1) @ w2 + b2


def transformer_block(
    x: np.ndarray, parts: Sequence[Callable], norms: Sequence[Callable], pre: bool = True
) -> np.ndarray:
    """Transformer block: attention, cross-attention in a decoder, feed-forward, with residuals.

        pre: x <- x + part(norm(x))        post: x <- norm(x + part(x))

    The norm is layer normalization, of each position by itself; transformers have no batch
    normalization. With a causal mask and cross-attention to the encoder's output the block is that
    of a decoder, without them that of an encoder.

    Args:
        x: array (..., time, width).
        parts: functions, in order.
        norms: functions, one for each part.
        pre: bool, normalize before each part (pre-norm) or after the sum (post-norm).

    >>> transformer_block(np.ones(2), [lambda x: 2 * x, lambda x: 0 * x], [lambda x: x] * 2)
    array([3., 3.])

    Reference: Vaswani et al., 2017.
    """
    for part, norm in zip(parts, norms, strict=True):
        x = x + part(norm(x)) if pre else norm(x + part(x))
    return x


def sinusoidal_positions(time: int, width: int) -> np.ndarray:
    """Sinusoidal position encodings, added to embeddings because attention ignores order.

        P[t, 2i] = sin(t / 10000^(2i / d))        P[t, 2i+1] = cos(t / 10000^(2i / d))

    GPT, BERT and ViT learn a table of this shape.

    Args:
        time: int, number of positions.
        width: int, d, even.

    >>> sinusoidal_positions(2, 4)[1].round(6).tolist()
    [0.841471, 0.540302, 0.01, 0.99995]

    Reference: Vaswani et al., 2017.
    """
    angle = np.arange(time)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(time, width)


def rotary_positions(x: np.ndarray, base: float = 10_000.0) -> np.ndarray:
    """Rotary positions: rotate pairs of a query's or key's numbers by angles that grow with time.

        a = t / base^(2i / d)
        y[t, i] = x[t, i] cos a - x[t, i + d/2] sin a
        y[t, i + d/2] = x[t, i + d/2] cos a + x[t, i] sin a

    The dot product of a rotated query and a rotated key depends on their distance alone, not on
    where they are. Llama rotates the queries and keys of each head. The first publication pairs
    neighbors, x[2i] and x[2i+1], which is the same up to the order of the weights.

    Args:
        x: array (..., time, d), d even.
        base: float, determines the longest wavelength, 2 pi base^(1 - 2 / d).

    >>> x = rotary_positions(np.ones((5, 4)))
    >>> (x @ x.T).round(6)[[0, 1, 2], [2, 3, 4]].tolist()  # positions 2 apart
    [1.167306, 1.167306, 1.167306]

    Reference: Su et al., 2021.
    """
    time, d = x.shape[-2:]
    angle = np.arange(time)[:, None] / base ** (np.arange(0, d, 2) / d)
    a, b = np.split(x, 2, axis=-1)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)
