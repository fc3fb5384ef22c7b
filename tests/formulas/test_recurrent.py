"""Recurrent steps, compared with Keras, TensorFlow's kernels, PyTorch and known values."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import activations, recurrent
from kerasdl.formulas.unrolling import unroll

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
LSTM = np.load(REFERENCE / "lstm.npz")
GRU = np.load(REFERENCE / "gru.npz")
RNN = np.load(REFERENCE / "rnn_tanh.npz")
X = LSTM["x"]
ZERO = np.zeros((3, 4))


def stepping(step, *weights, **options):
    return lambda x, *state: step(x, *state, *weights, **options)


def drawn(layer):
    """Build the layer for X and set random weights, biases too."""
    layer.build((None, None, 5))
    generator = np.random.default_rng(0)
    layer.set_weights([generator.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def torch(arrays):
    """Return input weights, recurrent weights and both biases of a PyTorch layer."""
    w, u = arrays["w.weight_ih_l0"].T, arrays["w.weight_hh_l0"].T
    return w, u, arrays["w.bias_ih_l0"], arrays["w.bias_hh_l0"]


def test_plain_steps_equal_keras_and_torch(same):
    layer = drawn(keras.layers.SimpleRNN(4, return_sequences=True))
    h, _ = unroll(stepping(recurrent.rnn_step, *layer.get_weights()), X, ZERO)
    same(recurrent.rnn_step, "keras.layers.SimpleRNN", h, layer(X))
    w, u, b, c = torch(RNN)
    h, _ = unroll(stepping(recurrent.rnn_step, w, u, b + c), RNN["x"], RNN["h0"][0])
    same(recurrent.rnn_step, "torch.nn.RNN (fixture)", h, RNN["y"])


@pytest.mark.parametrize(
    ("layer", "gates", "biases"),
    [
        (keras.layers.SimpleRNN, 1, 1),
        (keras.layers.GRU, 3, 2),
        (keras.layers.LSTM, 4, 1),
    ],
)
def test_parameters_equal_keras_for_any_length(layer, gates, biases, same):
    layer = layer(4)
    layer.build((None, None, 5))
    ours = recurrent.recurrent_parameters(5, 4, gates, biases)
    same(
        recurrent.recurrent_parameters, "count_params of Keras's layers", ours, layer.count_params()
    )
    for time in (5, 50):
        assert layer(np.ones((1, time, 5), "float32")).shape == (1, 4)
    assert layer.count_params() == ours


@pytest.mark.rows("E-53")
def test_known_parameter_counts():
    kind = {"gates": 4}
    text = 10_000 * 128 + recurrent.recurrent_parameters(128, 128, **kind)
    assert text + recurrent.recurrent_parameters(128, 64, **kind) + 65 == 1_461_057
    without = keras.layers.GRU(128, reset_after=False)
    without.build((None, None, 128))
    assert recurrent.recurrent_parameters(128, 128, 3) == without.count_params() == 98_688
    assert 4 * 128**2 == 65_536  # recurrent weights alone


def test_known_values_with_all_weights_one():
    one, zero = np.ones((1, 4)), np.zeros(1)
    h, (_, c) = unroll(stepping(recurrent.lstm_step, one, one, 0), np.ones((2, 1)), zero, zero)
    np.testing.assert_allclose(h.ravel(), [0.369606, 0.650535], atol=1e-6)
    np.testing.assert_allclose(c, 1.144446, atol=1e-6)
    step = stepping(recurrent.gru_step, one[:, :3], one[:, :3], 0, reset_after=False)
    h, _ = unroll(step, np.ones((2, 1)), zero)
    np.testing.assert_allclose(h.ravel(), [0.556770, 0.838274], atol=1e-6)
    h, _ = unroll(stepping(recurrent.rnn_step, one[:, :1], one[:, :1], 0), np.ones((3, 1)), zero)
    np.testing.assert_allclose(h.ravel(), [0.761594, 0.942681, 0.959746], atol=1e-6)


def test_lstm_steps_equal_keras_and_torch(same):
    w, u, b, c = torch(LSTM)
    step = stepping(recurrent.lstm_step, w, u, b + c)
    h, (_, c) = unroll(step, X, LSTM["h0"][0], LSTM["c0"][0])
    same(recurrent.lstm_step, "torch.nn.LSTM (fixture)", [h, c], [LSTM["y"], LSTM["cT"][0]])
    layer = drawn(keras.layers.LSTM(4, return_sequences=True))
    h, _ = unroll(stepping(recurrent.lstm_step, *layer.get_weights()), X, ZERO, ZERO)
    same(recurrent.lstm_step, "keras.layers.LSTM", h, layer(X))


def lstm_block_cell(x, h, c, w, u, b, peepholes=None):
    """Run one step of TensorFlow's LSTM kernel, whose order of gates is i, g, f, o."""

    def reordered(weights):
        i, f, g, o = np.split(weights, 4, axis=-1)
        return np.concatenate([i, g, f, o], axis=-1).astype("float32")

    looking = np.zeros((3, 4)) if peepholes is None else peepholes
    of_i, of_f, of_o = looking.astype("float32")
    return tf.raw_ops.LSTMBlockCell(
        x=x.astype("float32"), cs_prev=c.astype("float32"), h_prev=h.astype("float32"),
        w=reordered(np.concatenate([w, u])), wci=of_i, wcf=of_f, wco=of_o, b=reordered(b),
        forget_bias=0.0, cell_clip=-1.0, use_peephole=peepholes is not None,
    )  # fmt: skip


@pytest.fixture
def lstm():
    """Random x, h, c, w, u, b and peephole weights for one step."""
    shapes = [(3, 5), (3, 4), (3, 4), (5, 16), (4, 16), (16,), (3, 4)]
    return [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]


def test_gates_equal_tensorflow(lstm, same):
    x, h, c, w, u, b, _ = lstm
    theirs = lstm_block_cell(x, h, c, w, u, b)
    ours = recurrent.lstm_gates(x, h, w, u, b)
    named = [theirs.i, theirs.f, theirs.ci, theirs.o]
    same(recurrent.lstm_gates, "tf.raw_ops.LSTMBlockCell", ours, named)


def test_a_cell_with_open_forget_gate_and_closed_input_gate_keeps_its_state():
    b = np.array([-100.0, 100.0, 0.0, 0.0])
    step = stepping(recurrent.lstm_step, np.ones((1, 4)), np.ones((1, 4)), b)
    _, (_, c) = unroll(step, np.ones((1000, 1)), np.zeros(1), np.array([0.7]))
    assert c[0] == pytest.approx(0.7)


@pytest.mark.rows("E-51")
def test_peepholes_equal_tensorflow_and_the_output_gate_reads_the_new_cell_state(lstm, same):
    formula = recurrent.peephole_lstm_step
    h, c = formula(*lstm)
    theirs = lstm_block_cell(*lstm)
    same(formula, "tf.raw_ops.LSTMBlockCell", [h, c], [theirs.h, theirs.cs])
    plain = formula(*lstm[:-1], np.zeros((3, 4)))
    np.testing.assert_array_equal(plain, recurrent.lstm_step(*lstm[:-1]))
    x, before, old, w, u, b, peepholes = lstm
    of_o = np.split(x @ w + before @ u + b, 4, axis=-1)[3] + peepholes[2] * old
    assert np.abs(h - activations.sigmoid(of_o) * np.tanh(c)).max() > 0.01  # as with the old state


def turned(weights):
    """Negate the weights of the update gate z, which come first."""
    return [np.concatenate([-w[..., :4], w[..., 4:]], axis=-1) for w in weights]


@pytest.mark.rows("E-52", "E-77")
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_steps_equal_keras_with_a_negated_update_gate(reset_after, same):
    layer = drawn(keras.layers.GRU(4, return_sequences=True, reset_after=reset_after))
    weights = layer.get_weights()

    def ran(w, u, b):
        both = b if reset_after else (b, np.zeros(12))
        step = stepping(recurrent.gru_step, w, u, *both, reset_after=reset_after)
        return unroll(step, X, ZERO)[0]

    same(recurrent.gru_step, "keras.layers.GRU", ran(*turned(weights)), layer(X))
    assert np.abs(ran(*weights) - np.array(layer(X))).max() > 0.1
    assert len(keras.layers.GRU(4, return_state=True)(X)) == 2  # one state
    assert len(keras.layers.LSTM(4, return_state=True)(X)) == 3


def test_gru_steps_equal_torch(same):
    def ordered(w):  # PyTorch's order is r, z, n, and its z keeps the state
        r, z, n = np.split(w, 3, axis=-1)
        return np.concatenate([-z, r, n], axis=-1)

    step = stepping(recurrent.gru_step, *map(ordered, torch(GRU)))
    h, _ = unroll(step, GRU["x"], GRU["h0"][0])
    same(recurrent.gru_step, "torch.nn.GRU (fixture)", h, GRU["y"])
