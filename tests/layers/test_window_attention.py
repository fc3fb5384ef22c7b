"""WindowAttention equals attention written out for each window, and keeps windows apart."""

import itertools

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers import RelativePositionBias, WindowAttention

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
    outputs = np.asarray(layer(MAPS))
    for window in [layer.bias.table]:
        window.assign(RANDOM.normal(size=window.shape))
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
def test_the_number_of_scores_is_linear_in_the_pixels():
    def scores(side):
        layer = WindowAttention(heads=1, window=4)
        layer.build((None, side, side, 2))
        return layer.windows * 4**4

    assert scores(16) == 4 * scores(8)


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


def test_the_bias_depends_on_the_offset_alone():
    layer = RelativePositionBias((2, 3))
    layer.build((None, 2, 6, 6))
    layer.table.assign(RANDOM.normal(size=layer.table.shape))
    bias = np.asarray(layer(keras.ops.zeros((1, 2, 6, 6))))[0]
    places = [divmod(i, 3) for i in range(6)]
    seen = {}
    for (i, a), (j, b) in itertools.product(enumerate(places), repeat=2):
        seen.setdefault((a[0] - b[0], a[1] - b[1]), set()).add(tuple(bias[:, i, j]))
    assert len(seen) == 3 * 5
    assert all(len(values) == 1 for values in seen.values())


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
