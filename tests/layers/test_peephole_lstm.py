"""PeepholeLSTM equals a loop of the formula and the reference, with diagonal and full peepholes."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.formulas import recurrent
from kerasdl.layers import PeepholeLSTM

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lstm_peephole.npz")
RANDOM = np.random.default_rng(0)


def of_reference(kind):
    """Return the layer with the weights of the reference, whose vectors are columns."""
    layer = PeepholeLSTM(4, kind, use_bias=False, return_sequences=True, return_state=True)
    layer.build(REFERENCE["x"].shape)
    gates, seen = "ifgo", "ifo"
    kernels = [np.concatenate([REFERENCE[f"{m}_{g}"].T for g in gates], 1) for m in "UW"]
    v = [REFERENCE[f"V_{g}"].T if kind == "full" else REFERENCE[f"v_{g}"] for g in seen]
    layer.set_weights([*kernels, np.stack(v)])
    return layer


@pytest.mark.rows("RNN-16")
@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_states_equal_the_reference(kind):
    layer = of_reference(kind)
    h, c = (keras.ops.convert_to_tensor(REFERENCE[name], "float32") for name in ("h0", "c0"))
    outputs, last_h, last_c = layer(REFERENCE["x"], initial_state=[h, c])
    expected_h, expected_c = REFERENCE[f"h_{kind}_new"], REFERENCE[f"c_{kind}_new"]
    np.testing.assert_allclose(outputs, expected_h, atol=1e-5)
    np.testing.assert_allclose(last_h, expected_h[:, -1], atol=1e-5)
    np.testing.assert_allclose(last_c, expected_c[:, -1], atol=1e-5)


@pytest.mark.rows("RNN-16")
def test_a_cell_equals_the_formula():
    layer = PeepholeLSTM(3)
    cell = layer.cell
    cell.build((2, 5))
    cell.set_weights([RANDOM.normal(size=weight.shape) for weight in cell.get_weights()])
    w, u, b, peepholes = cell.get_weights()
    x, h, c = (RANDOM.normal(size=(2, size)).astype("float32") for size in (5, 3, 3))
    ours, states = cell(x, [h, c])
    theirs = recurrent.peephole_lstm_step(x, h, c, w, u, b, peepholes)
    np.testing.assert_allclose(ours, theirs[0], atol=1e-6)
    np.testing.assert_allclose(states[1], theirs[1], atol=1e-6)


@pytest.mark.rows("RNN-16")
@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_without_peepholes_it_is_the_lstm_of_keras(kind):
    x = RANDOM.normal(size=(2, 6, 5)).astype("float32")
    ours, theirs = PeepholeLSTM(4, kind), keras.layers.LSTM(4)
    ours.build(x.shape)
    theirs.build(x.shape)
    np.testing.assert_array_equal(ours.cell.bias, theirs.cell.bias)  # 1 for the forget gate
    theirs.set_weights(ours.get_weights()[:3])  # the peepholes are zero at first
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


def test_steps_that_a_mask_names_do_not_change_the_state():
    x = RANDOM.normal(size=(1, 6, 5)).astype("float32")
    layer = PeepholeLSTM(4)
    padded = layer(x, mask=np.array([[True] * 4 + [False] * 2]))
    np.testing.assert_allclose(padded, layer(x[:, :4]), atol=1e-6)


def test_both_directions_keep_their_arguments():
    both = keras.layers.Bidirectional(PeepholeLSTM(4, "full", use_bias=False))
    assert both(np.zeros((2, 3, 5), "float32")).shape == (2, 8)
    backward = both.backward_layer
    assert backward.go_backwards and backward.cell.peepholes == "full"
    assert [weight.shape for weight in backward.weights] == [(5, 16), (4, 16), (3, 4, 4)]


def test_wrong_arguments_are_named():
    with pytest.raises(InvalidInput, match=r"`peepholes`.*diagonal"):
        PeepholeLSTM(4, peepholes="some")
    with pytest.raises(InvalidInput, match=r"\(batch, time, features\)"):
        PeepholeLSTM(4)(np.zeros((2, 3), "float32"))
