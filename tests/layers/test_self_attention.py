"""Attention equals PyTorch's, Keras's multi-head attention and worked examples."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers import CausalSelfAttention, SelfAttention, TransformerBlock
from kerasdl.layers.self_attention import attention_weights

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "sdpa.npz")
X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def test_attention_equals_pytorch():
    query, key, value = (REFERENCE[name] for name in "qkv")
    weights = attention_weights(query, key)
    np.testing.assert_allclose(weights, REFERENCE["weights"], atol=1e-6)
    np.testing.assert_allclose(weights @ value, REFERENCE["y"], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "keys", "mask"),
    [("masked", "kv", REFERENCE["mask"]), ("self_causal", "ss", np.tri(5, dtype=bool))],
)
def test_masked_attention_equals_pytorch(name, keys, mask):
    key, value = (REFERENCE[k] for k in keys)
    weights = np.array(attention_weights(REFERENCE["q"], key, mask))
    np.testing.assert_allclose(weights @ value, REFERENCE[name], atol=1e-6)
    assert np.all(weights[~np.broadcast_to(mask, weights.shape)] == 0)


@pytest.mark.rows("TRF-12")
def test_attention_of_a_worked_example():
    identity = keras.ops.eye(2)
    weights = attention_weights(identity, identity)
    np.testing.assert_allclose(weights, [[0.669762, 0.330238], [0.330238, 0.669762]], atol=1e-6)
    outputs = weights @ np.array([[1, 2], [3, 4]], "float32")
    np.testing.assert_allclose(outputs, [[1.660477, 2.660477], [2.339523, 3.339523]], atol=1e-6)


def twins(use_bias=True, context=None):
    """Make our attention and Keras's, both with 2 heads and the same random weights."""
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4, use_bias=use_bias)
    theirs.build(X.shape, context.shape if context is not None else X.shape)
    theirs.set_weights(
        [np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(theirs.weights)]
    )
    ours = SelfAttention(heads=2, use_bias=use_bias)
    ours.build(X.shape if context is None else [X.shape, context.shape])
    # Keras lists kernels (in, 2, 4) and biases (2, 4) of query, key, value, then of the output
    weights = iter(theirs.get_weights())
    inward = [[next(weights) for _ in range(1 + use_bias)] for _ in range(3)]
    flat = [[w.reshape(-1, 8) if w.ndim == 3 else w.ravel() for w in pair] for pair in inward]
    outward = [w.reshape(-1, 8) if w.ndim == 3 else w for w in weights]
    parts = flat[1:] if context is not None else flat
    if context is not None:
        ours.ask.set_weights(flat[0])
    ours.project.set_weights([np.concatenate(kind, axis=-1) for kind in zip(*parts, strict=True)])
    ours.mix.set_weights(outward)
    return ours, theirs


CONTEXT = np.random.default_rng(1).normal(size=(2, 6, 3)).astype("float32")
PADDED = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
LOOKED = np.random.default_rng(2).random((2, 5, 5)) < 0.7
LOOKED |= np.eye(5, dtype=bool)


@pytest.mark.rows("TRF-19")
@pytest.mark.parametrize("use_bias", [True, False])
def test_self_attention_equals_keras_multi_head_attention(use_bias):
    ours, theirs = twins(use_bias)
    assert len(ours.weights) == 2 * (1 + use_bias)
    np.testing.assert_allclose(ours(X), theirs(X, X), rtol=1e-5, atol=1e-5)


def test_masks_equal_keras_multi_head_attention():
    ours, theirs = twins()
    looked = LOOKED & PADDED[:, None, :] | np.eye(5, dtype=bool)
    expected = theirs(X, X, attention_mask=looked)
    np.testing.assert_allclose(ours(X, attention_mask=looked), expected, rtol=1e-5, atol=1e-5)
    expected = theirs(X, X, attention_mask=PADDED[:, None, :])
    np.testing.assert_allclose(ours(X, mask=PADDED), expected, rtol=1e-5, atol=1e-5)
    both = ours(X, mask=PADDED, attention_mask=LOOKED)
    expected = theirs(X, X, attention_mask=LOOKED & PADDED[:, None, :])
    np.testing.assert_allclose(both[PADDED], expected[PADDED], rtol=1e-5, atol=1e-5)
    weights = np.array(ours.attention_map(X, mask=PADDED))
    assert (weights[0, ..., 3:] == 0).all() and (weights[1] > 0).all()


def test_cross_attention_equals_keras_multi_head_attention():
    ours, theirs = twins(context=CONTEXT)
    expected = theirs(X, CONTEXT)
    np.testing.assert_allclose(ours([X, CONTEXT]), expected, rtol=1e-5, atol=1e-5)
    seen = np.arange(6) < np.array([[4], [6]])
    expected = theirs(X, CONTEXT, attention_mask=seen[:, None, :])
    found = ours([X, CONTEXT], mask=[PADDED, seen])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert ours.compute_output_shape([X.shape, CONTEXT.shape]) == X.shape
    assert ours.attention_map([X, CONTEXT]).shape == (2, 2, 5, 6)


def test_an_additive_bias_is_added_to_the_scores():
    ours, _ = twins()
    bias = np.random.default_rng(3).normal(size=(2, 5, 5)).astype("float32")  # for each head
    before, after = np.array(ours.attention_map(X)), np.array(ours.attention_map(X, bias=bias))
    expected = before * np.exp(bias)
    np.testing.assert_allclose(after, expected / expected.sum(-1, keepdims=True), rtol=1e-4)
    *_, value = ours.split(X)
    np.testing.assert_allclose(ours(X, bias=bias), ours.merge(after @ value), atol=1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
def test_heads_that_share_keys_and_values_equal_keras_grouped_query_attention(use_bias):
    wide = np.random.default_rng(4).normal(size=(2, 5, 32)).astype("float32")
    theirs = keras.layers.GroupQueryAttention(8, 4, 2, use_bias=use_bias)
    theirs.build(wide.shape, wide.shape)
    random = np.random.default_rng(0)
    theirs.set_weights([random.normal(size=w.shape) / 4 for w in theirs.weights])
    ours = SelfAttention(heads=4, key_value_heads=2, use_bias=use_bias)
    ours.build(wide.shape)
    weights = iter(theirs.get_weights())
    parts = [[next(weights) for _ in range(1 + use_bias)] for _ in range(4)]
    flat = [[w.reshape(-1, w.shape[-2] * w.shape[-1]) for w in kernel[:1]] for kernel in parts[:3]]
    biases = [kernel[1].ravel() for kernel in parts[:3]] if use_bias else []
    ours.project.set_weights(
        [np.concatenate([kernel for (kernel,) in flat], axis=-1)]
        + ([np.concatenate(biases)] if use_bias else [])
    )
    ours.mix.set_weights([parts[3][0].reshape(32, 32), *parts[3][1:]])
    np.testing.assert_allclose(ours(wide), theirs(wide, wide), rtol=1e-4, atol=1e-5)


def test_rotary_positions_see_distances_only():
    layer = SelfAttention(heads=2, rotary_base=100.0)
    layer.build(X.shape)
    moved = [np.array(part) for part in layer.split(X, position=40)]
    for ours, theirs in zip(layer.split(X)[2:], moved[2:], strict=True):  # values are not rotated
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(layer.weigh(*moved[:2]), layer.attention_map(X), atol=1e-5)
    # a permutation of the inputs is no longer the same permutation of the outputs
    assert abs(np.array(layer(X[:, ::-1])) - np.array(layer(X))[:, ::-1]).max() > 1e-3


def test_normalized_queries_and_keys_have_the_same_scores_at_any_scale():
    layer = SelfAttention(heads=2, qk_norm=True, use_bias=False)
    layer.build(X.shape)
    query, key, value = layer.split(X)
    for part in (query, key):
        np.testing.assert_allclose((np.array(part) ** 2).mean(-1), 1, rtol=1e-3)
    *scaled, larger = layer.split(100 * X)
    np.testing.assert_allclose(layer.weigh(*scaled), layer.weigh(query, key), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(larger, 100 * np.array(value), rtol=1e-4)
    scales = {w.path.split("/")[-2]: w.shape for w in layer.weights if "norm" in w.path}
    assert scales == {"query_norm": (4,), "key_norm": (4,)}


def test_cross_attention_takes_all_options_but_rotary_positions():
    layer = SelfAttention(heads=4, key_value_heads=2, qk_norm=True)
    outputs = layer([X, CONTEXT])
    weights = np.array(layer.attention_map([X, CONTEXT]))
    key, value = layer.remember(CONTEXT)
    assert key.shape == value.shape == (2, 2, 6, 2) and weights.shape == (2, 4, 5, 6)
    merged = layer.merge(weights @ np.repeat(value, 2, axis=1))
    np.testing.assert_allclose(merged, outputs, atol=1e-5)
    np.testing.assert_allclose(layer.recall(X, (key, value)), outputs, atol=1e-5)
    with pytest.raises(InvalidInput, match=r"`rotary_base`. Expected None for cross-attention"):
        SelfAttention(heads=2, rotary_base=100.0)([X, CONTEXT])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_value_heads": 3}, "`key_value_heads`. Expected a divisor of the 4 heads. Received"),
        ({"rotary_base": 1}, "`rotary_base`. Expected a number above 1"),
        ({"qk_norm": 1}, "`qk_norm`. Expected True or False"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        SelfAttention(heads=4, **options)


@pytest.mark.parametrize("cls", [SelfAttention, CausalSelfAttention])
def test_a_sequence_of_only_padding_gives_finite_outputs(cls):
    layer = cls(heads=2)
    assert np.isfinite(layer(X, mask=np.zeros((2, 5), bool))).all()
    left = np.array([[0, 0, 1, 1, 1]] * 2, bool)
    changed = np.where(left[..., None], X, 9)
    np.testing.assert_allclose(
        np.array(layer(X, mask=left))[:, 2:], np.array(layer(changed, mask=left))[:, 2:], atol=1e-6
    )


def padded_model(layer):
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 8, mask_zero=True)(tokens)
    return keras.Model(tokens, layer(layer(x) if layer.built else x))


@pytest.mark.parametrize(
    "layer",
    [
        SelfAttention(heads=2),
        CausalSelfAttention(heads=2),
        TransformerBlock(heads=2),
        TransformerBlock(heads=2, norm="post", causal=True),
    ],
    ids=lambda layer: layer.name,
)
def test_padding_masked_by_an_embedding_does_not_change_outputs(layer):
    tokens = np.array([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]])
    longer = np.pad(tokens, [(0, 0), (0, 2)])  # token 0 is padding
    model = padded_model(layer)
    found = model(longer)
    np.testing.assert_allclose(np.array(found)[:, :5], model(tokens), atol=1e-6)
    np.testing.assert_array_equal(found._keras_mask, longer != 0)


@pytest.mark.rows("TRF-14", "TRF-19")
def test_self_attention_has_the_parameters_of_bert_base():
    attention = SelfAttention(heads=12)
    attention.build((None, None, 768))
    assert attention.count_params() == 2_362_368


@pytest.mark.rows("TRF-17")
def test_self_attention_is_equivariant_to_permutations():
    attention = SelfAttention(heads=2)
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(attention(X[:, order]), np.array(attention(X))[:, order], atol=1e-6)


@pytest.mark.rows("TRF-15")
def test_attention_map_holds_the_weights_that_call_uses():
    attention = SelfAttention(heads=2)
    attention(X)
    weights = attention.attention_map(X)
    assert weights.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(keras.ops.sum(weights, axis=-1), 1, rtol=1e-6)
    *_, value = attention.split(X)
    np.testing.assert_array_equal(attention.merge(weights @ value), attention(X))


def test_attention_map_requires_a_built_layer():
    with pytest.raises(InvalidInput, match=r"`new`. Expected a built layer .*without weights$"):
        SelfAttention(heads=2, name="new").attention_map(X)


def test_dropout_is_active_only_in_training():
    attention = SelfAttention(heads=2, dropout=0.5)
    np.testing.assert_array_equal(attention(X), attention(X))
    assert not np.allclose(attention(X, training=True), attention(X))


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(InvalidInput, match=r"a divisor of the width 8\. Received: 3"):
        SelfAttention(heads=3)(X)
