"""Blocks: the ideas that the famous image networks are made of."""

import numpy as np

from kerasdl.formulas.activations import relu, sigmoid


def residual(x, block):
    """Learn what to change, and keep the rest.

        H(x) = F(x) + x

    Spec: CNA-14

    >>> residual(np.array([1.0, 2.0]), lambda x: 0 * x)  # doing nothing is easy to learn
    array([1., 2.])
    """
    return block(x) + x


def squeeze_excitation(x, w1, b1, w2, b2):
    """A network that weighs its channels by what the whole image holds; x is (height, width, C).

        s = sigma( relu( mean_ij(x) W1 + b1 ) W2 + b2 )        y = s x

    Spec: CNO-55

    >>> x, zero = np.ones((2, 2, 4)), np.zeros
    >>> squeeze_excitation(x, zero((4, 1)), zero(1), zero((1, 4)), zero(4))[0, 0]
    array([0.5, 0.5, 0.5, 0.5])
    """
    squeezed = x.mean(axis=(0, 1))  # (C,)
    return x * sigmoid(relu(squeezed @ w1 + b1) @ w2 + b2)


def dense_connections(x, layers):
    """Every layer reads everything before it, and its own few channels are added to the pile.

        x_n = H_n([x_0, x_1, ..., x_{n-1}])        output: [x_0, ..., x_n]

    Spec: CNA-18, CNA-19. A sum keeps the number of channels; each of these adds its growth rate.

    >>> layer = lambda x: x.sum(axis=-1, keepdims=True)  # growth rate 1
    >>> dense_connections(np.array([1.0, 2.0]), [layer, layer])
    array([1., 2., 3., 6.])
    """
    for layer in layers:
        x = np.concatenate([x, layer(x)], axis=-1)
    return x
