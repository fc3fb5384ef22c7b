"""Recurrent networks: one step of a plain network, an LSTM and a GRU."""

import numpy as np

from kerasdl.formulas.activations import sigmoid


def rnn_step(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """One step of a plain recurrent network.

        h_t = tanh(x_t W + h_{t-1} U + b)        h_0 = 0

    Args:
        x: array (..., inputs), input of the step.
        h: array (..., units), state of the step before; 0 at first.
        w: array (inputs, units), W.
        u: array (units, units), U.
        b: array (units,), bias.

    >>> one = np.ones((1, 1))
    >>> h = rnn_step(np.ones(1), np.zeros(1), one, one, 0)
    >>> h.round(6), rnn_step(np.ones(1), h, one, one, 0).round(6)
    (array([0.761594]), array([0.942681]))

    Reference: Elman, 1990.
    """
    return np.tanh(x @ w + h @ u + b)


def recurrent_parameters(inputs: int, units: int, gates: int = 1, biases: int = 1) -> int:
    """Number of parameters of a recurrent layer; it does not grow with the sequence.

        N = gates (n (n + inputs) + biases n)

    A plain network has 1 gate, a GRU 3 and, in Keras's default, 2 biases, an LSTM 4. (3 n^2 and 4
    n^2 count only the recurrent weights.)

    Args:
        inputs: int, size of an input.
        units: int, size n of the state.
        gates: int, number of gates.
        biases: int, biases of each gate.

    >>> [recurrent_parameters(128, 128, *kind) for kind in ((1, 1), (3, 1), (3, 2), (4, 1))]
    [32896, 98688, 99072, 131584]
    """
    return gates * (units * (units + inputs) + biases * units)


def lstm_gates(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gates of an LSTM, in Keras's order: input, forget, candidate, output.

        i, f, o = sigma(x W + h U + b)      g = tanh(x W + h U + b)      each with its own part

    Args:
        x: array (..., inputs), input of the step.
        h: array (..., units), state of the step before.
        w: array (inputs, 4 units), W.
        u: array (units, 4 units), U.
        b: array (4 units,), bias.

    >>> one = np.ones((1, 4))
    >>> [float(gate[0].round(4)) for gate in lstm_gates(np.ones(1), np.zeros(1), one, one, 0)]
    [0.7311, 0.7311, 0.7616, 0.7311]
    """
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_step(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One step of an LSTM: the new state h and the new cell state c.

        c = f c + i g        h = o tanh(c)

    c is the long-term memory: where f is 1 and i is 0 it stays what it was. h is the short-term
    memory and the output.

    Args:
        x: array (..., inputs), input of the step.
        h: array (..., units), state of the step before.
        c: array (..., units), cell state of the step before.
        w: array (inputs, 4 units), W, in Keras's order of gates.
        u: array (units, 4 units), U.
        b: array (4 units,), bias.

    >>> one, zero = np.ones((1, 4)), np.zeros(1)
    >>> h, c = lstm_step(np.ones(1), zero, zero, one, one, np.zeros(4))
    >>> float(c[0].round(6)), float(h[0].round(6))
    (0.55677, 0.369606)

    Reference: Hochreiter and Schmidhuber, 1997.
    """
    i, f, g, o = lstm_gates(x, h, w, u, b)
    c = f * c + i * g
    return o * np.tanh(c), c


def peephole_lstm_step(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray,
    peepholes: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of a peephole LSTM, whose gates also see the cell state.

        i, f = sigma(... + v_i c, v_f c)        c' = f c + i g
        o = sigma(... + v_o c')                 h = o tanh(c')

    The output gate sees the new cell state. The usual LSTM, Keras's too, has no peepholes.

    Args:
        x: array (..., inputs), input of the step.
        h: array (..., units), state of the step before.
        c: array (..., units), cell state of the step before.
        w: array (inputs, 4 units), W, in Keras's order of gates.
        u: array (units, 4 units), U.
        b: array (4 units,), bias.
        peepholes: array (3, units), v_i, v_f and v_o.

    >>> one, zero = np.ones((1, 4)), np.zeros(1)
    >>> h, c = peephole_lstm_step(np.ones(1), zero, zero, one, one, 0, np.ones((3, 1)))
    >>> float(c[0].round(6)), float(h[0].round(6))
    (0.55677, 0.417551)

    Reference: Gers and Schmidhuber, 2000.
    """
    of_i, of_f, of_o = peepholes
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    new = sigmoid(f + of_f * c) * c + sigmoid(i + of_i * c) * np.tanh(g)
    return sigmoid(o + of_o * new) * np.tanh(new), new


def gru_step(
    x: np.ndarray,
    h: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray,
    c: float | np.ndarray = 0.0,
    reset_after: bool = True,
) -> np.ndarray:
    """One step of a GRU.

        z, r = sigma(x W + b + h U + c)        h' = (1 - z) h + z h~
        h~ = tanh(x W + b + r (h U + c)), reset after; tanh(x W + b + (r h) U + c), reset before

    Here z is the fraction that is new; in Keras it is the fraction that is kept, so Keras's weights
    of z are these with the opposite sign. Keras resets after by default. Compared with an LSTM, a
    GRU merges input and forget gate into z, has a reset gate r, and has neither an output gate nor
    a cell state.

    Args:
        x: array (..., inputs), input of the step.
        h: array (..., units), state of the step before.
        w: array (inputs, 3 units), weights of z, r and h~.
        u: array (units, 3 units), recurrent weights.
        b: array (3 units,), bias.
        c: array (3 units,) or float, recurrent bias.
        reset_after: bool, apply r after the product with U.

    >>> one, h = np.ones((1, 3)), np.zeros(1)
    >>> h = gru_step(np.ones(1), h, one, one, np.zeros(3), np.zeros(3), reset_after=False)
    >>> h.round(6)
    array([0.55677])

    Reference: Cho et al., 2014.
    """
    n = u.shape[0]
    of_x, c = x @ w + b, c + np.zeros(3 * n)
    gates = sigmoid(of_x[..., : 2 * n] + h @ u[:, : 2 * n] + c[: 2 * n])
    z, r = gates[..., :n], gates[..., n:]
    back = u[:, 2 * n :]
    old = r * (h @ back + c[2 * n :]) if reset_after else (r * h) @ back + c[2 * n :]
    return (1 - z) * h + z * np.tanh(of_x[..., 2 * n :] + old)
