"""Attention: formulas against PyTorch's numbers, the package's layer and what must be so."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.formulas import attention
from kerasdl.formulas.activations import softmax
from kerasdl.layers.causal_self_attention import CausalSelfAttention

SDPA = np.load(pathlib.Path(__file__).parents[1] / "reference" / "sdpa.npz")
Q, K, V = SDPA["q"], SDPA["k"], SDPA["v"]


def test_attention_equals_pytorch():
    np.testing.assert_allclose(attention.attention_weights(Q, K), SDPA["weights"], atol=1e-6)
    np.testing.assert_allclose(attention.attention(Q, K, V), SDPA["y"], atol=1e-6)
    masked = attention.attention(Q, K, V, SDPA["mask"])
    np.testing.assert_allclose(masked, SDPA["masked"], atol=1e-6)


def test_causal_attention_equals_pytorch():
    s = SDPA["s"]
    causal = attention.attention(Q, s, s, attention.causal_mask(5))
    np.testing.assert_allclose(causal, SDPA["self_causal"], atol=1e-6)


def test_one_head_is_what_the_layer_does():
    layer, x = CausalSelfAttention(heads=1), np.random.default_rng(0).normal(size=(5, 8))
    layer.build((None, 5, 8))
    w, b, w_mix, b_mix = layer.get_weights()
    query, key, value = np.split(x @ w + b, 3, axis=-1)
    ours = attention.attention(query, key, value, attention.causal_mask(5)) @ w_mix + b_mix
    np.testing.assert_allclose(layer(x[None].astype("float32"))[0], ours, atol=1e-5)


def test_rows_sum_to_one_and_the_future_weighs_exactly_nothing():
    weights = attention.attention_weights(Q, SDPA["s"], attention.causal_mask(5))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert np.all(weights[..., ~attention.causal_mask(5)] == 0)


@pytest.mark.parametrize("size", [16, 256])
def test_the_root_keeps_scores_at_variance_one(size):
    """Where it is missing the variance is `size`, and softmax picks instead of weighing."""
    query, key = np.random.default_rng(0).normal(size=(2, 1000, size))
    scores = query @ key.T
    assert scores.var() == pytest.approx(size, rel=0.05)
    weights = attention.attention_weights(query, key)
    np.testing.assert_allclose(weights, softmax(scores / np.sqrt(size)))
    assert softmax(scores).max(axis=-1).mean() > 10 * weights.max(axis=-1).mean()


def test_keras_attention_is_this_only_of_scaled_queries():
    theirs = keras.layers.Attention()([Q[0] / 2, V[0], K[0]])  # sqrt(4)
    np.testing.assert_allclose(theirs, SDPA["y"][0], atol=1e-6)
