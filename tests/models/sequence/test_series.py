"""Networks of series answer from the last state of recurrent layers."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.series import CELLS, SeriesNetwork

X = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")


@pytest.mark.parametrize("cell", CELLS)
def test_the_answer_is_a_linear_map_of_the_last_state(cell):
    model = SeriesNetwork(width=6, depth=2, cell=cell, num_classes=4, input_shape=(7, 3))
    first, second = (model.get_layer(f"recurrent{i}") for i in (1, 2))
    states = second(first(X))
    assert first(X).shape == (2, 7, 6) and states.shape == (2, 6)
    np.testing.assert_allclose(model(X), model.get_layer("logits")(states), atol=1e-6)
    backbone = SeriesNetwork(width=6, depth=2, cell=cell, num_classes=None, input_shape=(None, 3))
    backbone.set_weights(model.get_weights()[:-2])
    np.testing.assert_allclose(backbone(X), states, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("series_lstm", keras.layers.LSTM),
        ("series_gru", keras.layers.GRU),
        ("series_rnn", keras.layers.SimpleRNN),
    ],
)
def test_each_name_has_its_kind_of_layer(name, layer):
    model = kerasdl.create_model(name, input_shape=(7, 3))
    assert type(model.get_layer("recurrent1")) is layer
    assert model(X).shape == (2, 1)


def test_wrong_arguments_are_named():
    with pytest.raises(InvalidInput, match="`cell`"):
        SeriesNetwork(cell="convolution")
    with pytest.raises(InvalidInput, match="an even number"):
        SeriesNetwork(width=7, bidirectional=True)
    with pytest.raises(InvalidInput, match="known features"):
        SeriesNetwork(input_shape=(7, None))
