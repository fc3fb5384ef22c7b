"""Figures of attention weights, and attention rollout."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput
from kerasdl.explain import attention_maps
from kerasdl.formulas import attributions


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


@pytest.mark.parametrize(("name", "tokens"), [("vit_tiny", 1), ("deit_tiny", 2)])
def test_rollout_is_the_product_of_the_weights_of_the_blocks(name, tokens):
    vit = kerasdl.create_model(name)
    images = np.random.default_rng(0).random((2, 28, 28, 1)).astype("float32")
    blocks = [layer for layer in vit.layers if isinstance(layer, kerasdl.layers.TransformerBlock)]
    x, weights = keras.Model(vit.input, blocks[0].input)(images, training=False), []
    for block in blocks:
        weights.append(np.array(block.attention.attention_map(block.attention_norm(x))))
        x = block(x)
    rollout = attributions.attention_rollout(weights)
    expected = rollout[:, :tokens, tokens:].mean(1).reshape(2, 7, 7)
    expected = tf.image.resize(expected[..., None], (28, 28))[..., 0]
    np.testing.assert_allclose(explain.attention_rollout(vit, images), expected, atol=1e-6)
    assert all("weigh" not in vars(block.attention) for block in blocks)


def test_rollout_reads_the_attention_of_keras_and_means_over_patches_without_a_token():
    layers = keras.layers
    x = inputs = keras.Input((8, 12, 1))
    x = layers.Reshape((24, 5))(layers.Conv2D(5, 2, strides=2)(x))
    attention = layers.MultiHeadAttention(2, 4)
    sequence = x
    outputs = layers.Dense(3)(layers.GlobalAveragePooling1D()(attention(x, x)))
    model = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).random((2, 8, 12, 1)).astype("float32")
    patches = keras.Model(inputs, sequence)(images)
    weights = np.array(attention(patches, patches, return_attention_scores=True)[1])
    expected = attributions.attention_rollout([weights]).mean(1).reshape(2, 4, 6)
    found = explain.attention_rollout(model, images)
    assert found.shape == (2, 8, 12)
    np.testing.assert_allclose(found[:, 0, 0], expected[:, 0, 0], rtol=1e-5)  # a corner
    np.testing.assert_allclose(found[:, -1, -1], expected[:, -1, -1], rtol=1e-5)


def test_networks_without_one_sequence_are_named(model, digits):
    with pytest.raises(InvalidInput, match=r"one sequence of patches. Received: no attention"):
        explain.attention_rollout(model, digits[0][:1])
    assert attention_maps._grid(50, 1) == (1, 7, 7)
    assert attention_maps._grid(17, 1) == (1, 4, 4)
    assert attention_maps._grid(2 + 3 * 5, 3 / 5) == (2, 3, 5)
    with pytest.raises(InvalidInput, match=r"rows and columns of an image. Received: 2 positions"):
        attention_maps._grid(2, 100)
