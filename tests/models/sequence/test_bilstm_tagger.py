"""Taggers equal PyTorch's BiLSTM, ignore padding, and learn what only both directions can see."""

import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.bilstm_tagger import BiLSTMCRF, BiLSTMTagger

REFERENCE = np.load(pathlib.Path(__file__).parents[2] / "reference" / "bilstm2.npz")
RANDOM = np.random.default_rng(0)
TOKENS = RANDOM.integers(1, 20, size=(2, 12)).astype("int32")
TAGGERS = ["bilstm_tagger_tiny", "bilstm_crf_tiny"]


@pytest.mark.rows("RNN-12", "RNN-13")
def test_two_bidirectional_layers_equal_pytorch():
    """The reference has 5 inputs and 4 units a direction: three more inputs have zero weights."""
    model = BiLSTMTagger(22, width=8, depth=2, dropout=0.0)
    x = np.pad(REFERENCE["x"].reshape(21, 5), [(1, 0), (0, 3)])  # token 0 is padding
    model.get_layer("token").set_weights([x])
    for i in range(2):
        found = []
        for end in ("", "_reverse"):
            kernel = REFERENCE[f"w.weight_ih_l{i}{end}"].T
            recurrent = REFERENCE[f"w.weight_hh_l{i}{end}"].T
            bias = sum(REFERENCE[f"w.bias_{kind}_l{i}{end}"] for kind in ("ih", "hh"))
            found += [np.pad(kernel, [(0, 8 - len(kernel)), (0, 0)]), recurrent, bias]
        model.get_layer(f"recurrent{i + 1}").set_weights(found)
    hidden = keras.Model(model.input, model.get_layer("recurrent2").output)
    outputs = hidden(np.arange(1, 22).reshape(3, 7))
    np.testing.assert_allclose(outputs, REFERENCE["y0init"], atol=1e-5)


@pytest.mark.rows("RNN-12")
def test_parameters_follow_the_formula():
    v, k, d = 50, 7, 12
    lstm = 4 * (d // 2 * (d + d // 2) + d // 2)  # of each direction
    expected = v * d + 2 * 2 * lstm + (d + 1) * k
    assert BiLSTMTagger(v, k, width=d, depth=2).count_params() == expected
    crf = BiLSTMCRF(v, k, width=d, depth=2)
    assert crf.count_params() == expected + k * k + 2 * k


@pytest.mark.rows("RNN-35")
@pytest.mark.parametrize("name", TAGGERS)
def test_padding_changes_no_tag(name):
    model = kerasdl.create_model(name, num_classes=4)
    model.set_weights([RANDOM.normal(size=w.shape) for w in model.get_weights()])
    padded = np.pad(TOKENS, [(0, 0), (0, 5)])
    outputs = model.decode(model(padded))
    np.testing.assert_array_equal(outputs[:, :12], model.decode(model(TOKENS)))


@pytest.mark.rows("RNN-36")
@pytest.mark.parametrize("bidirectional", [False, True])
def test_only_both_directions_see_what_follows(bidirectional):
    model = BiLSTMTagger(20, width=8, bidirectional=bidirectional)
    changed = TOKENS.copy()
    changed[:, 6] = 1 + TOKENS[:, 6] % 19
    before, after = np.array(model(TOKENS)), np.array(model(changed))
    assert np.allclose(before[:, :6], after[:, :6]) is not bidirectional
    assert not np.allclose(before[:, 6:], after[:, 6:])


@pytest.mark.rows("RNN-35")
@pytest.mark.parametrize("name", TAGGERS)
def test_a_tag_that_is_the_next_word_is_learned(name):
    tokens = RANDOM.integers(1, 4, size=(64, 8)).astype("int32")
    tokens[::2, 5:] = 0
    following = np.pad(tokens[:, 1:], [(0, 0), (0, 1)])
    tags = np.where(tokens > 0, following, -1)
    model = kerasdl.create_model(name, vocabulary_size=4, num_classes=4)
    model.compile(keras.optimizers.Adam(0.02), kerasdl.losses.TaggingLoss())
    model.fit(tokens, tags, epochs=25, verbose=0)
    found = np.array(model.decode(model(tokens)))
    assert (found == tags)[tokens > 0].mean() > 0.99


def test_an_odd_width_is_refused():
    with pytest.raises(InvalidInput, match="an even number"):
        BiLSTMTagger(width=9)
