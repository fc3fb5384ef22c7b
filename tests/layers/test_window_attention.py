"""WindowAttention equals attention written out for each window, and keeps windows apart."""

import itertools

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.explain import counts
from kerasdl.layers import WindowAttention

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(size=(2, 8, 8, 6)).astype("float32")


def attention(layer, pixels):
    """The output of the layer's weights for some pixels [(row, column, vector)] of one window."""
    places = np.array([[row, column] for row, column, _ in pixels])
    x = np.stack([vector for _, _, vector in pixels])
    table, projection, offset, mix, mixed = layer.get_weights()
    side = layer.window
    parts = (x @ projection + offset).reshape(len(x), 3, layer.heads, -1)
    query, key, value = parts.transpose(1, 2, 0, 3)
    down, right = np.moveaxis(places[:, None] - places[None], -1, 0) + side - 1
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
    scores = scores + table[down * (2 * side - 1) + right].transpose(2, 0, 1)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return (weights @ value).transpose(1, 0, 2).reshape(len(x), -1) @ mix + mixed


@pytest.mark.rows("CNA-26")
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_each_window_attends_by_itself(shift):
    layer = WindowAttention(heads=2, window=4, shift=shift)
    layer.build(MAPS.shape)
    layer.bias.table.assign(RANDOM.normal(size=layer.bias.table.shape))
    outputs = np.asarray(layer(MAPS))
    # pixels of the map by window: shifted windows at the border are smaller
    groups = {}
    for row, column in itertools.product(range(8), range(8)):
        groups.setdefault(((row - shift) // 4, (column - shift) // 4), []).append((row, column))
    assert len(groups) == (9 if shift else 4)
    for places in groups.values():
        pixels = [(row, column, MAPS[0, row, column]) for row, column in places]
        expected = attention(layer, pixels)
        found = np.stack([outputs[0, row, column] for row, column in places])
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.rows("CNA-26")
def test_the_cost_is_linear_in_the_pixels_and_without_windows_quadratic():
    def macs(side, window):
        inputs = keras.Input((side, side, 2))
        return counts.macs(keras.Model(inputs, WindowAttention(1, window)(inputs)))

    assert macs(16, window=4) == 4 * macs(8, window=4)
    maps = 8 * 8 * 2  # queries and keys are multiplied for all pairs, and so are weights and values
    assert macs(16, None) - 4 * macs(8, None) == (16 - 4) * 2 * maps * 8 * 8


def test_without_a_window_all_pixels_attend_to_all():
    everywhere, window = WindowAttention(heads=2), WindowAttention(heads=2, window=8)
    everywhere(MAPS)
    window(MAPS)
    window.set_weights(everywhere.get_weights())
    np.testing.assert_array_equal(everywhere(MAPS), window(MAPS))


def test_a_map_that_is_no_multiple_of_the_window_is_padded():
    layer = WindowAttention(heads=2, window=4, shift=1)
    x = MAPS[:, :7, :5]
    padded = np.pad(x, ((0, 0), (0, 1), (0, 3), (0, 0)))
    inside = np.asarray(layer(x))
    np.testing.assert_allclose(inside, np.asarray(layer_like(layer)(padded))[:, :7, :5], atol=1e-6)


def layer_like(layer):
    other = WindowAttention(layer.heads, layer.window, layer.shift)
    other.build((None, 8, 8, 6))
    other.set_weights(layer.get_weights())
    return other


@pytest.mark.parametrize(
    ("options", "shape", "match"),
    [
        ({"heads": 4}, (None, 8, 8, 6), "`heads`"),
        ({"heads": 2, "window": 4, "shift": 4}, (None, 8, 8, 6), "`shift`"),
        ({"heads": 2}, (None, None, 8, 6), "height"),
    ],
)
def test_bad_input_is_named(options, shape, match):
    with pytest.raises(InvalidInput, match=match):
        WindowAttention(**options).build(shape)
