"""Causal attention ignores later positions, and decoding with a cache equals one full call."""

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers.causal_self_attention import CausalSelfAttention
from kerasdl.layers.self_attention import SelfAttention

X = np.random.default_rng(0).normal(size=(2, 7, 8)).astype("float32")
EVERY_OPTION = {"key_value_heads": 2, "rotary_base": 10_000.0, "qk_norm": True}


@pytest.mark.rows("TRF-20")
def test_outputs_do_not_depend_on_later_inputs():
    changed = X.copy()
    changed[:, 4:] += 1
    causal, full = CausalSelfAttention(heads=2), SelfAttention(heads=2)
    np.testing.assert_array_equal(np.array(causal(X))[:, :4], np.array(causal(changed))[:, :4])
    assert not np.allclose(np.array(full(X))[:, :4], np.array(full(changed))[:, :4])


def test_the_last_output_equals_full_attention():
    causal, full = CausalSelfAttention(heads=2), SelfAttention(heads=2)
    for attention in (causal, full):
        attention.build(X.shape)
    full.set_weights(causal.get_weights())
    np.testing.assert_allclose(causal(X)[:, -1], full(X)[:, -1], atol=1e-6)


@pytest.mark.rows("TRF-20")
def test_attention_weights_of_later_positions_are_zero():
    attention = CausalSelfAttention(heads=2)
    attention(X)
    weights = np.array(attention.attention_map(100 * X))
    assert np.all(weights[..., ~np.tri(7, dtype=bool)] == 0)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"key_value_heads": 1}, {"rotary_base": 100.0}, {"qk_norm": True}, EVERY_OPTION],
    ids="+".join,
)
@pytest.mark.parametrize("lengths", [(7,), (1,) * 7, (3, 1, 2, 1)])
def test_steps_with_a_cache_equal_one_call(lengths, options):
    attention = CausalSelfAttention(heads=4, **options)
    expected = attention(X)
    cache, position, outputs = attention.empty_cache(batch=2, length=10), 0, []
    for length in lengths:
        chunk = X[:, position : position + length]
        output, cache = attention.step(chunk, cache, position)
        outputs.append(output)
        position += length
    np.testing.assert_allclose(keras.ops.concatenate(outputs, axis=1), expected, atol=1e-6)


def test_cache_entries_after_the_position_are_ignored():
    attention = CausalSelfAttention(heads=2)
    expected = attention(X)
    _, cache = attention.step(X, attention.empty_cache(2, 7), 0)  # fills positions 0 to 6
    output, _ = attention.step(X[:, 3:4], cache, 3)
    np.testing.assert_allclose(output, expected[:, 3:4], atol=1e-6)


def test_an_empty_cache_requires_a_built_layer():
    with pytest.raises(InvalidInput, match="called or built"):
        CausalSelfAttention(heads=2).empty_cache(1, 5)


def test_the_cache_holds_the_heads_of_keys_and_values_only():
    attention = CausalSelfAttention(heads=4, key_value_heads=2)
    attention.build((None, None, 8))
    assert [part.shape for part in attention.empty_cache(3, 5)] == [(3, 2, 5, 2)] * 2
    assert attention.count_params() == (8 + 1) * (8 + 2 * 4) + (8 + 1) * 8
