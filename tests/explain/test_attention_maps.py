"""`explain.attention` draws a panel with the weights of each head."""

import numpy as np
import pytest

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput


@pytest.mark.rows("DBG-16", "TRF-52")
def test_attention_has_a_panel_for_each_head():
    layer = kerasdl.layers.CausalSelfAttention(heads=2)
    x = np.random.default_rng(0).normal(size=(1, 4, 8)).astype("float32")
    layer(x)
    maps = np.array(layer.attention_map(x))[0]
    first, second = explain.attention(maps, list("word")).axes
    np.testing.assert_array_equal(second.images[0].get_array(), maps[1])
    assert [tick.get_text() for tick in first.get_yticklabels()] == list("word")
    with pytest.raises(InvalidInput, match="one for each of 4 positions"):
        explain.attention(maps, ["too", "few"])
    with pytest.raises(InvalidInput, match="heads, time, source"):
        explain.attention(maps[0])
