"""Against PyTorch's attention, Keras's multi-head attention and the notes' numbers."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers.self_attention import SelfAttention, attention_weights

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
def test_attention_has_the_numbers_of_the_notes():
    identity = keras.ops.eye(2)
    weights = attention_weights(identity, identity)
    np.testing.assert_allclose(weights, [[0.669762, 0.330238], [0.330238, 0.669762]], atol=1e-6)
    outputs = weights @ np.array([[1, 2], [3, 4]], "float32")
    np.testing.assert_allclose(outputs, [[1.660477, 2.660477], [2.339523, 3.339523]], atol=1e-6)


@pytest.mark.rows("TRF-19")
def test_self_attention_equals_keras_multi_head_attention():
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    expected = theirs(X, X)
    theirs.set_weights(
        [np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(theirs.weights)]
    )
    expected = theirs(X, X)
    # kernels (8, 2, 4) and biases (2, 4) of query, key and value, then those of the output
    weights = theirs.get_weights()
    kernel = np.concatenate([w.reshape(8, 8) for w in weights[0:6:2]], axis=1)
    bias = np.concatenate([w.reshape(8) for w in weights[1:6:2]])
    ours = SelfAttention(heads=2)
    ours.build(X.shape)
    ours.set_weights([kernel, bias, weights[6].reshape(8, 8), weights[7]])
    np.testing.assert_allclose(ours(X), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.rows("TRF-14", "TRF-19")
def test_self_attention_has_the_parameters_of_the_notes():
    attention = SelfAttention(heads=12)
    attention.build((None, None, 768))
    assert attention.count_params() == 2_362_368


@pytest.mark.rows("TRF-17")
def test_self_attention_knows_no_order():
    attention = SelfAttention(heads=2)
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(attention(X[:, order]), np.array(attention(X))[:, order], atol=1e-6)


@pytest.mark.rows("TRF-15")
def test_attention_map_is_what_call_uses():
    attention = SelfAttention(heads=2)
    attention(X)
    weights = attention.attention_map(X)
    assert weights.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(keras.ops.sum(weights, axis=-1), 1, rtol=1e-6)
    *_, value = attention.split(X)
    np.testing.assert_array_equal(attention.merge(weights @ value), attention(X))


def test_a_layer_without_weights_has_no_attention_map():
    with pytest.raises(InvalidInput, match=r"`new`. Expected a built layer .*without weights$"):
        SelfAttention(heads=2, name="new").attention_map(X)


def test_dropout_only_when_training():
    attention = SelfAttention(heads=2, dropout=0.5)
    np.testing.assert_array_equal(attention(X), attention(X))
    assert not np.allclose(attention(X, training=True), attention(X))


def test_self_attention_says_which_heads_it_expected():
    with pytest.raises(InvalidInput, match=r"a divisor of the width 8\. Received: 3"):
        SelfAttention(heads=3)(X)
