"""Decoder blocks: outputs of PyTorch's decoder layers, masks, decoding with a cache."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.layers.transformer_decoder_block import TransformerDecoderBlock

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "transformer_layers.npz")
X, CONTEXT, SEEN = REFERENCE["x"], REFERENCE["mem"], ~REFERENCE["pad"]
NORMS = pytest.mark.parametrize("norm", ["pre", "post"])


def load_cross_attention(block, prefix):
    """Load PyTorch's cross-attention, whose one kernel (3 width, width) is query, key, value."""
    arrays = {n: REFERENCE[f"{prefix}.w.{n}"].T for n in ("norm2.weight", "norm2.bias")}
    block.cross_norm.set_weights(list(arrays.values()))
    part = f"{prefix}.w.multihead_attn."
    kernels = np.split(REFERENCE[f"{part}in_proj_weight"].T, [8], axis=1)
    biases = np.split(REFERENCE[f"{part}in_proj_bias"], [8])
    for i, layer in enumerate((block.cross_attention.ask, block.cross_attention.project)):
        layer.set_weights([kernels[i], biases[i]])
    outward = [REFERENCE[f"{part}out_proj.{kind}"].T for kind in ("weight", "bias")]
    block.cross_attention.mix.set_weights(outward)


@pytest.mark.rows("E-16")
@NORMS
def test_block_equals_pytorch_decoder_layer(pytorch_weights, norm):
    block = TransformerDecoderBlock(heads=2, hidden=16, norm=norm)
    block.build([X.shape, CONTEXT.shape])
    pytorch_weights(block, f"{norm}.dec", mlp_norm="norm3")
    load_cross_attention(block, f"{norm}.dec")
    expected = REFERENCE[f"{norm}.dec"]
    np.testing.assert_allclose(block([X, CONTEXT, SEEN]), expected, rtol=0, atol=1e-5)
    assert abs(np.array(block([X, CONTEXT])) - expected).max() > 1e-3  # the mask changes the output


@NORMS
def test_outputs_depend_on_the_context_but_not_on_its_padding_or_later_targets(norm):
    block = TransformerDecoderBlock(heads=2, norm=norm)
    before = np.array(block([X, CONTEXT, SEEN]))
    later = X.copy()
    later[:, 3:] *= -1
    after = np.array(block([later, CONTEXT, SEEN]))
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    padding, last = np.where(SEEN[..., None], CONTEXT, 9), CONTEXT.copy()
    np.testing.assert_array_equal(block([X, padding, SEEN]), before)
    last[:, SEEN.all(axis=0)] *= -1
    assert (abs(np.array(block([X, last, SEEN])) - before).max(axis=-1) > 1e-4).all()


@NORMS
def test_steps_with_a_cache_equal_one_call(norm):
    block = TransformerDecoderBlock(heads=2, norm=norm)
    expected = block([X, CONTEXT, SEEN])
    cache, outputs = block.attention.empty_cache(2, 5), []
    for start, stop in ((0, 2), (2, 3), (3, 5)):
        output, cache = block.step([X[:, start:stop], CONTEXT, SEEN], cache, start)
        outputs.append(output)
    np.testing.assert_allclose(keras.ops.concatenate(outputs, axis=1), expected, atol=1e-5)


@NORMS
def test_steps_may_be_given_what_cross_attention_remembers(norm):
    block = TransformerDecoderBlock(heads=2, norm=norm)
    expected = block([X, CONTEXT, SEEN])
    remembered = block.cross_attention.remember(CONTEXT)
    cache, outputs = block.attention.empty_cache(2, 5), []
    for start, stop in ((0, 2), (2, 3), (3, 5)):
        output, cache = block.step([X[:, start:stop], remembered, SEEN], cache, start)
        outputs.append(output)
    np.testing.assert_allclose(keras.ops.concatenate(outputs, axis=1), expected, atol=1e-5)


@NORMS
def test_attention_map_holds_the_weights_of_the_context(norm):
    block = TransformerDecoderBlock(heads=2, norm=norm)
    expected = block([X, CONTEXT, SEEN])
    weights = np.array(block.attention_map([X, CONTEXT, SEEN]))
    assert weights.shape == (2, 2, 5, 6)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert (weights[np.broadcast_to(~SEEN[:, None, None], weights.shape)] == 0).all()
    _, value = block.cross_attention.remember(CONTEXT)
    part = block.cross_attention.merge(weights @ value)
    x = block.beside_identity(block.attend(X), block.cross_norm, lambda _: part)
    np.testing.assert_allclose(block.feed_forward(x), expected, atol=1e-5)


def test_sublayers_use_the_dtype_policy_of_the_block():
    block = TransformerDecoderBlock(heads=2, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(block([X, CONTEXT, SEEN]).dtype) == "bfloat16"
    assert {weight.dtype for weight in block.weights} == {"float32"}


def test_a_mask_propagated_with_the_context_is_used():
    block = TransformerDecoderBlock(heads=2)
    expected = block([X, CONTEXT, SEEN])
    found = block([X, CONTEXT], mask=[None, SEEN])
    np.testing.assert_array_equal(found, expected)
    assert not np.allclose(block([X, CONTEXT]), expected, atol=1e-4)
