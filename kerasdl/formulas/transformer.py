"""The transformer's other parts: a network for each position, the sums beside it, positions."""

import numpy as np

from kerasdl.formulas.activations import relu


def feed_forward(x, w1, b1, w2, b2, activation=relu):
    """Each position by itself: four times as wide inside, and back.

        y = f(x W1 + b1) W2 + b2

    A row of W1 and its bias ask whether x points some way, f keeps a yes, and a row of W2 is what
    is then added: so a fact can be stored.

    Spec: TRF-24, TRF-25

    >>> x = np.array([[2.0, 0.0], [0.4, 0.0]])  # "Jordan", and hardly
    >>> feed_forward(x, np.array([[1.0], [0.0]]), -1, np.array([[0.0, 5.0]]), 0).tolist()
    [[0.0, 5.0], [0.0, 0.0]]
    """
    return activation(x @ w1 + b1) @ w2 + b2


def transformer_block(x, parts, norms, pre=True):
    """Parts in a row, each beside an identity: attention, cross-attention in a decoder, network.

        pre: x <- x + part(norm(x))        post: x <- norm(x + part(x))

    The norm is layer normalization, of each position by itself. One of the notes lists transformers
    with batch normalization; they have none. Another loads trained ones as `TFAutoModel`, which
    speaks Keras 2: it is no Keras 3 model. With a mask, and with cross-attention to what an encoder
    has read, blocks are an encoder and a decoder, of which the notes have the heading alone.

    Spec: TRF-16, TRF-23, TRF-27, E-76, E-80, E-87

    >>> transformer_block(np.ones(2), [lambda x: 2 * x, lambda x: 0 * x], [lambda x: x] * 2)
    array([3., 3.])
    """
    for part, norm in zip(parts, norms, strict=True):
        x = x + part(norm(x)) if pre else norm(x + part(x))
    return x


def sinusoidal_positions(time, width):
    """Where a token stands, as clocks of many speeds: added, since attention knows no order.

        P[t, 2i] = sin(t / 10000^(2i / d))        P[t, 2i+1] = cos(t / 10000^(2i / d))

    GPT, BERT and ViT learn a table of this shape instead.

    Spec: TRF-21

    >>> sinusoidal_positions(2, 4)[1].round(6).tolist()
    [0.841471, 0.540302, 0.01, 0.99995]
    """
    angle = np.arange(time)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(time, width)
