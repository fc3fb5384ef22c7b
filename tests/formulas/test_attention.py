"""Attention, compared with PyTorch, Keras, the package's layers and identities."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.formulas import attention, patches
from kerasdl.formulas.activations import softmax
from kerasdl.layers.causal_self_attention import CausalSelfAttention
from kerasdl.layers.self_attention import SelfAttention

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
SDPA = np.load(REFERENCE / "sdpa.npz")
OLD = np.load(REFERENCE / "bahdanau_luong.npz")
Q, K, V = SDPA["q"], SDPA["k"], SDPA["v"]


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def test_attention_equals_pytorch(same):
    name = "torch.nn.functional.scaled_dot_product_attention (fixture)"
    formula = attention.attention_weights
    same(formula, name, formula(Q, K), SDPA["weights"])
    found = [attention.attention(Q, K, V), attention.attention(Q, K, V, SDPA["mask"])]
    same(attention.attention, name, found, [SDPA["y"], SDPA["masked"]])


def test_causal_attention_equals_pytorch(same):
    s = SDPA["s"]
    causal = attention.attention(Q, s, s, attention.causal_mask(5))
    name = "torch.nn.functional.scaled_dot_product_attention (fixture)"
    same(attention.causal_mask, name, causal, SDPA["self_causal"])


def test_causal_mask_equals_the_layers_attention_map(x, same):
    layer = CausalSelfAttention(heads=1)
    layer.build(x.shape)
    seen = np.array(layer.attention_map(x))[:, 0] > 0
    mask = np.broadcast_to(attention.causal_mask(5), seen.shape)
    same(attention.causal_mask, "kerasdl.layers.CausalSelfAttention", mask, seen)


def weights_of(layer):
    """Return the kernels and the biases of Q, K, V and the output."""
    w, b, w_mix, b_mix = layer.get_weights()
    return [*np.split(w, 3, axis=-1), w_mix], [*np.split(b, 3), b_mix]


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_multi_head_attention_equals_the_layer(x, heads, same):
    for kind, mask in ((SelfAttention, None), (CausalSelfAttention, attention.causal_mask(5))):
        layer = kind(heads)
        theirs = layer(x)
        ours = attention.multi_head_attention(x, x, *weights_of(layer), heads, mask)
        name = f"kerasdl.layers.{kind.__name__}"
        same(attention.multi_head_attention, name, ours, theirs)


def test_cross_attention_equals_keras(x, same):
    context = np.random.default_rng(1).normal(size=(2, 7, 8)).astype("float32")
    layer = keras.layers.MultiHeadAttention(2, 4)
    theirs = layer(x, context)
    flat = [np.reshape(w, (8, 8)) for w in layer.get_weights()[::2]]  # Q, K, V, mix
    biases = [np.reshape(b, 8) for b in layer.get_weights()[1::2]]
    ours = attention.multi_head_attention(x, context, flat, biases, heads=2)
    same(attention.multi_head_attention, "keras.layers.MultiHeadAttention", ours, theirs)


@pytest.mark.rows("E-16")
def test_one_head_is_attention_of_three_projections_of_x(x, same):
    layer = SelfAttention(heads=1)
    theirs = layer(x)
    (q, k, v, mix), (bq, bk, bv, b) = weights_of(layer)
    ours = attention.attention(x @ q + bq, x @ k + bk, x @ v + bv) @ mix + b
    same(attention.attention, "kerasdl.layers.SelfAttention", ours, theirs)
    without = attention.attention(x @ q, x @ k, 0 * x)
    np.testing.assert_array_equal(x + without, x)  # zero values add nothing to x


def test_attention_is_equivariant_to_permutations(x):
    order = [3, 1, 4, 0, 2]
    np.testing.assert_allclose(
        attention.attention(x[:, order], x[:, order], x[:, order]),
        attention.attention(x, x, x)[:, order],
        atol=1e-6,
    )


def test_causal_rows_sum_to_one_and_later_weights_are_zero():
    weights = attention.attention_weights(Q, SDPA["s"], attention.causal_mask(5))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert np.all(weights[..., ~attention.causal_mask(5)] == 0)


@pytest.mark.rows("E-15")
@pytest.mark.parametrize("size", [16, 256])
def test_dividing_by_the_root_of_the_size_gives_scores_variance_1(size):
    """Without it the variance is `size`, and softmax picks a single key."""
    query, key = np.random.default_rng(0).normal(size=(2, 1000, size))
    scores = query @ key.T
    assert scores.var() == pytest.approx(size, rel=0.05)
    weights = attention.attention_weights(query, key)
    np.testing.assert_allclose(weights, softmax(scores / np.sqrt(size)))
    assert softmax(scores).max(axis=-1).mean() > 10 * weights.max(axis=-1).mean()


def test_keras_attention_does_not_scale_queries(same):
    theirs = keras.layers.Attention()([Q[0] / 2, V[0], K[0]])  # sqrt(4)
    ours = attention.attention(Q, K, V)[0]
    same(attention.attention, "keras.layers.Attention of scaled queries", ours, theirs)


@pytest.mark.parametrize("masked", [False, True])
def test_additive_and_dot_attention_equal_keras(masked, same):
    q, v = OLD["q"], OLD["v"]
    mask = OLD["mask"] if masked else None
    masks = [None, mask] if masked else None
    layer = keras.layers.AdditiveAttention()
    layer.build([q.shape, v.shape])
    layer.set_weights([OLD["scale"]])
    mask = mask if mask is None else mask[:, None]
    additive = attention.additive_attention_weights(q, v, OLD["scale"], mask)
    name = "keras.layers.AdditiveAttention"
    same(attention.additive_attention_weights, name, additive @ v, layer([q, v], mask=masks))
    dot = attention.dot_attention_weights(q, v, mask)
    theirs = keras.layers.Attention()([q, v], mask=masks)
    same(attention.dot_attention_weights, "keras.layers.Attention", dot @ v, theirs)
    np.testing.assert_allclose([additive.sum(-1), dot.sum(-1)], 1, atol=1e-6)


def test_additive_and_dot_attention_weights_equal_the_fixture(same):
    q, v, mask = OLD["q"], OLD["v"], OLD["mask"][:, None]
    ours = attention.additive_attention_weights(q, v, OLD["scale"], mask)
    name = "keras.layers.AdditiveAttention (fixture)"
    same(attention.additive_attention_weights, name, ours, OLD["w_add"])
    ours = attention.dot_attention_weights(q, v, mask)
    same(attention.dot_attention_weights, "keras.layers.Attention (fixture)", ours, OLD["w_dot"])


def test_twice_the_length_has_four_times_the_scores(same):
    found = []
    for time in (6, 12):
        layer = SelfAttention(heads=2)
        layer.build((1, time, 4))
        found.append(np.size(layer.attention_map(np.ones((1, time, 4), "float32"))))
    ours = [attention.attention_scores(time, heads=2) for time in (6, 12)]
    name = "size of kerasdl.layers.SelfAttention's map"
    same(attention.attention_scores, name, ours, found)
    assert found[1] == 4 * found[0]


@pytest.mark.parametrize("window", [2, 4, 8])
def test_windowed_scores_equal_the_size_of_the_layers_maps(window, same):
    layer, found = SelfAttention(heads=2), []
    layer.build((None, window**2, 4))
    for height in (8, 16):
        places = np.random.default_rng(0).normal(size=(height, 8, 4)).astype("float32")
        tiles = patches.patchify(places, window).reshape(-1, window**2, 4)  # one a window
        found.append(np.size(layer.attention_map(tiles)))
    formula = attention.windowed_scores
    ours = [formula(height, 8, window, heads=2) for height in (8, 16)]
    same(formula, "size of kerasdl.layers.SelfAttention's maps of windows", ours, found, 0)
    assert found[1] == 2 * found[0]  # without windows it would be four times
