"""Transformer blocks: outputs of PyTorch's encoder layers, parameter counts, options."""

import pathlib

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers.transformer_block import TransformerBlock

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "transformer_layers.npz")
X = REFERENCE["x"]
EVERY_KIND = [(norm, causal) for norm in ("pre", "post") for causal in (False, True)]


@pytest.mark.rows("TRF-23", "TRF-24")
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_block_equals_pytorch_encoder_layer(pytorch_weights, norm):
    block = TransformerBlock(heads=2, hidden=16, activation="relu", norm=norm)
    block.build(X.shape)
    pytorch_weights(block, f"{norm}.enc", mlp_norm="norm2")
    np.testing.assert_allclose(block(X), REFERENCE[f"{norm}.enc"], atol=1e-5)


@pytest.mark.rows("TRF-27")
def test_parameters_follow_the_formula():
    block = TransformerBlock(heads=12)
    block.build((None, None, 768))
    assert block.count_params() == 12 * 768**2 + 13 * 768 == 7_087_872


@pytest.mark.rows("TRF-16", "TRF-23", "E-17")
def test_pre_norm_block_is_the_identity_when_both_branches_are_zero():
    block = TransformerBlock(heads=2)
    block.build(X.shape)
    for last in (block.attention.mix, block.mlp[2]):
        last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    np.testing.assert_array_equal(block(X), X)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_steps_with_a_cache_equal_one_call(norm):
    block = TransformerBlock(heads=2, norm=norm, causal=True)
    expected = block(X)
    cache, outputs = block.attention.empty_cache(2, 5), []
    for start, stop in ((0, 2), (2, 3), (3, 5)):
        output, cache = block.step(X[:, start:stop], cache, start)
        outputs.append(output)
    np.testing.assert_allclose(keras.ops.concatenate(outputs, axis=1), expected, atol=1e-5)


@pytest.mark.parametrize(("norm", "causal"), EVERY_KIND)
def test_block_can_be_inlined(assert_transparent, norm, causal):
    assert_transparent(TransformerBlock(heads=2, norm=norm, causal=causal, gated=causal), (5, 8))


@pytest.mark.rows("TRF-45")
@pytest.mark.parametrize(("norm", "causal"), EVERY_KIND)
def test_only_a_causal_block_ignores_the_future(norm, causal):
    block = TransformerBlock(heads=2, norm=norm, causal=causal)
    changed = X.copy()
    changed[:, -1] = -X[:, -1]
    before, after = np.array(block(X))[:, :-1], np.array(block(changed))[:, :-1]
    assert np.array_equal(before, after) == causal


def test_sublayers_use_the_dtype_policy_of_the_block():
    block = TransformerBlock(heads=2, causal=True, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(block(X).dtype) == "bfloat16"
    assert {weight.dtype for weight in block.weights} == {"float32"}


def part_of(block):
    """The input of a pre-norm block's feed-forward part, and that input normalized."""
    x = np.array(block.attend(X))
    return x, np.array(block.mlp_norm(x))


def test_activations_can_be_names_or_functions():
    for activation, f in (("silu", keras.ops.silu), (keras.ops.tanh, np.tanh)):
        block = TransformerBlock(heads=2, hidden=6, activation=activation)
        outputs = block(X)
        x, normal = part_of(block)
        expand, contract = block.mlp[0], block.mlp[2]
        expected = x + np.array(contract(f(np.array(expand(normal)))))
        np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_rms_norm_divides_by_the_root_mean_square():
    block = TransformerBlock(heads=2, rms_norm=True, epsilon=1e-6)
    outputs = block(X)
    x, normal = part_of(block)
    np.testing.assert_allclose(
        normal, x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6), rtol=1e-4
    )
    assert outputs.shape == X.shape
    assert {w.name for w in block.mlp_norm.weights} == {"scale"}  # no offset


def test_a_gated_mlp_multiplies_its_hidden_layer_by_the_gate():
    block = TransformerBlock(heads=2, hidden=6, activation="silu", gated=True, use_bias=False)
    outputs = block(X)
    x, normal = part_of(block)
    expand, contract, gate = (p.get_weights()[0] for p in (block.mlp[0], block.mlp[2], block.gate))
    hidden = np.array(keras.ops.silu(normal @ gate)) * (normal @ expand)
    np.testing.assert_allclose(outputs, x + hidden @ contract, atol=1e-5)
    width = X.shape[-1]
    kernels = 4 * width**2 + 3 * width * 6
    assert block.count_params() == kernels + 2 * 2 * width  # and two normalizations


@pytest.mark.parametrize("option", [{"norm": "before"}, {"activation": "gelu_tan"}])
def test_unknown_options_are_refused(option):
    with pytest.raises(InvalidInput, match=r"Expected .* Received: '?(before|gelu_tan)"):
        TransformerBlock(heads=2, **option)
