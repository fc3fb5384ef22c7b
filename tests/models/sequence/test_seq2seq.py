"""The encoder-decoder: masks, the equations of attention, greedy generation."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.cli import cards


@pytest.fixture(scope="module")
def model():
    return kerasdl.create_model("seq2seq_tiny", width=16)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.integers(2, 40, (3, 7), "int32"), rng.integers(2, 40, (3, 5), "int32")


def test_padding_of_the_source_does_not_change_the_logits(model, batch):
    source, target = batch
    padded = np.pad(source, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model([source, target]), model([padded, target]), atol=1e-5)


def test_logits_do_not_depend_on_later_tokens_of_the_target(model, batch):
    source, target = batch
    changed = target.copy()
    changed[:, 3:] = 5
    before, after = model([source, target]), model([source, changed])
    np.testing.assert_allclose(before[:, :3], after[:, :3], atol=1e-6)
    assert np.abs(before[:, 3:] - after[:, 3:]).max() > 1e-4


def test_logits_follow_the_equations(model, batch):
    """c = softmax(d h^T) h, logits = V tanh(U [d, c] + u) + v."""
    source, target = batch
    layers = {layer.name: layer for layer in model.layers}
    outputs = [layers["decoder"].output, layers["keys"].output]
    d, h = map(np.asarray, keras.Model(model.inputs, outputs)([source, target]))
    scores = np.exp(d @ h.transpose(0, 2, 1))
    weights = scores / scores.sum(-1, keepdims=True)
    np.testing.assert_allclose(model.attention(source, target), weights, atol=1e-5)
    (u, u_bias), (v, v_bias) = (layers[n].get_weights() for n in ("combine", "logits"))
    logits = np.tanh(np.concatenate([d, weights @ h], -1) @ u + u_bias) @ v + v_bias
    np.testing.assert_allclose(model([source, target]), logits, atol=1e-5)


def test_generation_is_greedy_and_stops_at_the_end(model, batch):
    source, _ = batch
    written = model.generate(source, 6)
    assert written.shape == (3, 6)
    delayed = np.pad(written[:, :-1], ((0, 0), (1, 0)), constant_values=1)
    best = np.asarray(model([source, delayed])).argmax(-1)
    for row, expected in zip(written, best, strict=True):
        end = np.flatnonzero(row == 0)
        length = end[0] + 1 if len(end) else len(row)
        np.testing.assert_array_equal(row[:length], expected[:length])
        assert not row[length:].any()


@pytest.mark.rows("RNN-28")
def test_the_encoder_state_has_a_fixed_size_and_recorded_runs_translate(model):
    """The size does not depend on the source; recorded runs exceed 95 % token accuracy."""
    assert model.get_layer("state").output.shape == (None, 16)
    seeds = cards.result("translation")["seeds"].values()
    assert all(run["test"]["token_accuracy"] > 0.95 for run in seeds) and len(seeds) == 3


def test_an_odd_width_is_refused():
    with pytest.raises(kerasdl.errors.InvalidInput, match="width"):
        kerasdl.create_model("seq2seq_tiny", width=15)
