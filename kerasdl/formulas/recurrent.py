"""Recurrent networks: one step, again and again, that carries a state along."""

import numpy as np

from kerasdl.formulas.activations import sigmoid


def rnn_step(x, h, w, u, b):
    """One step of the plain recurrent network: what comes in, and what was.

        h_t = tanh(x_t W + h_{t-1} U + b)        h_0 = 0

    Spec: RNN-01

    >>> one = np.ones((1, 1))
    >>> h = rnn_step(np.ones(1), np.zeros(1), one, one, 0)
    >>> h.round(6), rnn_step(np.ones(1), h, one, one, 0).round(6)
    (array([0.761594]), array([0.942681]))
    """
    return np.tanh(x @ w + h @ u + b)


def recurrent_parameters(inputs, units, gates=1, biases=1):
    """Weights of a recurrent layer; they do not grow with the length of what it reads.

        N = gates (n (n + inputs) + biases n)

    Gates are 1 for the plain network, 3 for a GRU, whose default in Keras has 2 biases, and 4 for
    an LSTM. The notes count 3 n^2 and 4 n^2, which is only what multiplies the state.

    Spec: RNN-01, RNN-02, RNN-17, RNN-20, RNN-24, E-53

    >>> [recurrent_parameters(128, 128, *kind) for kind in ((1, 1), (3, 1), (3, 2), (4, 1))]
    [32896, 98688, 99072, 131584]
    """
    return gates * (units * (units + inputs) + biases * units)


def lstm_gates(x, h, w, u, b):
    """What a long short-term memory takes in, keeps, proposes and shows, in Keras's order.

        i, f, o = sigma(x W + h U + b)      g = tanh(x W + h U + b)      each with its own part

    Spec: RNN-15, RNN-18

    >>> one = np.ones((1, 4))
    >>> [float(gate[0].round(4)) for gate in lstm_gates(np.ones(1), np.zeros(1), one, one, 0)]
    [0.7311, 0.7311, 0.7616, 0.7311]
    """
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_step(x, h, c, w, u, b):
    """One step of a long short-term memory, with Keras's order of the gates: i, f, g, o.

        c = f c + i g        h = o tanh(c)

    c is the long memory: where f is 1 and i is 0 it stays what it was. h is the short one, and what
    others see. W is (inputs, 4n), U (n, 4n), b (4n,).

    Spec: RNN-15, RNN-17, RNN-18

    >>> one, zero = np.ones((1, 4)), np.zeros(1)
    >>> h, c = lstm_step(np.ones(1), zero, zero, one, one, np.zeros(4))
    >>> float(c[0].round(6)), float(h[0].round(6))
    (0.55677, 0.369606)
    """
    i, f, g, o = lstm_gates(x, h, w, u, b)
    c = f * c + i * g
    return o * np.tanh(c), c


def peephole_lstm_step(x, h, c, w, u, b, peepholes):
    """The variant whose gates also look at the long memory, each number at its own.

        i, f = sigma(... + v_i c, v_f c)        c' = f c + i g
        o = sigma(... + v_o c')                 h = o tanh(c')

    One of the notes gives this as the LSTM, with the old c for o too and without b. The usual one,
    Keras's, has no peepholes; where they are, o looks at the new c.

    Spec: RNN-16, E-51

    >>> one, zero = np.ones((1, 4)), np.zeros(1)
    >>> h, c = peephole_lstm_step(np.ones(1), zero, zero, one, one, 0, np.ones((3, 1)))
    >>> float(c[0].round(6)), float(h[0].round(6))
    (0.55677, 0.417551)
    """
    of_i, of_f, of_o = peepholes
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    new = sigmoid(f + of_f * c) * c + sigmoid(i + of_i * c) * np.tanh(g)
    return sigmoid(o + of_o * new) * np.tanh(new), new


def gru_step(x, h, w, u, b, c=0.0, reset_after=True):
    """One step of a gated recurrent unit; w, u, b and c are those of z, r and h~, side by side.

        z, r = sigma(x W + b + h U + c)        h' = (1 - z) h + z h~
        h~ = tanh(x W + b + r (h U + c)), reset after; the notes reset before: ((r h) U + c)

    In Keras z is how much stays, in the notes, and here, how much is new: Keras's weights of z are
    these with the sign turned. Keras resets after by default. One of the notes says that a GRU
    merges two gates of the LSTM; it also drops o and the separate c, and has r, which is new.

    Spec: RNN-23, RNN-27, E-52, E-77

    >>> one, h = np.ones((1, 3)), np.zeros(1)
    >>> h = gru_step(np.ones(1), h, one, one, np.zeros(3), np.zeros(3), reset_after=False)
    >>> h.round(6)
    array([0.55677])
    """
    n = u.shape[0]
    of_x, c = x @ w + b, c + np.zeros(3 * n)
    gates = sigmoid(of_x[..., : 2 * n] + h @ u[:, : 2 * n] + c[: 2 * n])
    z, r = gates[..., :n], gates[..., n:]
    back = u[:, 2 * n :]
    old = r * (h @ back + c[2 * n :]) if reset_after else (r * h) @ back + c[2 * n :]
    return (1 - z) * h + z * np.tanh(of_x[..., 2 * n :] + old)
