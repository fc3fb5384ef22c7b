"""The LSTM language model: states of PyTorch's LSTM, parameters, saving, LiteRT."""

import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import export
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel

TOKENS = np.random.default_rng(0).integers(20, size=(2, 12)).astype("int32")


@pytest.mark.rows("RNN-13")
def test_hidden_states_equal_pytorch():
    """The reference has 5 inputs and 4 units, so a fifth unit with zero weights is added."""
    arrays = np.load(pathlib.Path(__file__).parents[2] / "reference" / "lstm.npz")
    model = LSTMLanguageModel(vocabulary_size=21, width=5, depth=1, dropout=0.0)
    model.get_layer("token").set_weights([arrays["x"].reshape(21, 5)])  # 3 sequences of 7 steps

    def four_gates(rows):  # (4 gates x 4 units, inputs) -> (inputs, 4 gates x 5 units)
        gates = np.pad(rows.reshape(4, 4, -1), [(0, 0), (0, 1), (0, 0)])
        return gates.reshape(20, -1).T

    kernel = four_gates(arrays["w.weight_ih_l0"])
    recurrent = np.pad(four_gates(arrays["w.weight_hh_l0"]), [(0, 1), (0, 0)])
    bias = four_gates(arrays["w.bias_ih_l0"] + arrays["w.bias_hh_l0"])[0]
    model.get_layer("lstm1").set_weights([kernel, recurrent, bias])
    hidden = keras.Model(model.input, model.get_layer("lstm1").output)
    outputs = np.array(hidden(np.arange(21).reshape(3, 7)))
    np.testing.assert_allclose(outputs[..., :4], arrays["y0init"], atol=1e-6)
    np.testing.assert_array_equal(outputs[..., 4], 0)

    # and step by step, from a given state
    state = [[np.pad(arrays[name][0], [(0, 0), (0, 1)]) for name in ("h0", "c0")]]
    for t in range(7):
        _, state = model.step(np.arange(21).reshape(3, 7)[:, t, None], state, t)
        np.testing.assert_allclose(state[0][0][:, :4], arrays["y"][:, t], atol=1e-6)
    np.testing.assert_allclose(state[0][1][:, :4], arrays["cT"][0], atol=1e-6)


def test_parameters_follow_the_formula():
    vocabulary_size, width = 100, 256
    lstm = 4 * (width * (width + width) + width)
    model = LSTMLanguageModel(vocabulary_size, width=width, depth=2)
    expected = vocabulary_size * width + 2 * lstm + (width + 1) * vocabulary_size
    assert model.count_params() == expected


@pytest.mark.rows("RNN-21")
@pytest.mark.parametrize("name", ["lstm_lm", "lstm_lm_tiny"])
def test_each_step_has_a_logit_for_each_token(name):
    model = kerasdl.create_model(name, vocabulary_size=20)
    assert model(TOKENS).shape == (2, 12, 20)


@pytest.mark.rows("RNN-22")
def test_steps_with_a_carried_state_equal_one_call():
    model = LSTMLanguageModel(20, width=8, depth=2)
    state, _ = model.begin(TOKENS, 12, 12)
    logits = []
    for position in range(12):
        step, state = model.step(TOKENS[:, position, None], state, position)
        logits.append(step)
    np.testing.assert_allclose(keras.ops.concatenate(logits, axis=1), model(TOKENS), atol=1e-6)


@pytest.mark.rows("RNN-21")
def test_lstm_learns_a_repeating_string():
    text = np.tile([3, 1, 4, 1, 5, 9], 9).astype("int32")
    model = LSTMLanguageModel(10, width=32, depth=1, dropout=0.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    x, y = (np.tile(tokens, (10, 1)) for tokens in (text[:-1], text[1:]))
    history = model.fit(x, y, batch_size=1, epochs=7, verbose=0)
    assert history.history["loss"][-1] < 0.1
    np.testing.assert_array_equal(model.generate(text[:9], 20, temperature=0), text[:29])


def test_a_saved_lstm_is_loaded_bit_equal(tmp_path):
    model = LSTMLanguageModel(20, context=12, width=8, depth=2, dropout=0.3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is LSTMLanguageModel
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(model(TOKENS), again(TOKENS))


def test_lstm_runs_as_a_litert_file(tmp_path):
    model = LSTMLanguageModel(20, width=8, depth=2)
    tokens = TOKENS[:1]
    file = export.to_litert(model, tmp_path / "lstm.tflite", example=tokens)
    np.testing.assert_allclose(file.predict(tokens), model(tokens), atol=1e-5)
