"""Recurrent networks: one step, again and again, that carries a state along."""

import numpy as np

from kerasdl.formulas.activations import sigmoid


def lstm_step(x, h, c, w, u, b):
    """One step of a long short-term memory, with Keras's order of the gates: i, f, g, o.

        i, f, o = sigma(x W + h U + b)      g = tanh(x W + h U + b)      each with its own part
        c = f c + i g                       h = o tanh(c)

    W is (inputs, 4n), U (n, 4n), b (4n,): in all 4 n (n + inputs + 1) weights, of which the notes
    count 4 n^2. One of them lets the gates peep at c and has no b; that is a variant.

    Spec: RNN-15, RNN-17

    >>> one, zero = np.ones((1, 4)), np.zeros(1)
    >>> h, c = lstm_step(np.ones(1), zero, zero, one, one, np.zeros(4))
    >>> float(c[0].round(6)), float(h[0].round(6))
    (0.55677, 0.369606)
    """
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c
