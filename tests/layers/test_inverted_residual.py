"""InvertedResidual: what its options leave out; tests/conformance compares whole networks."""

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers import InvertedResidual

MAPS = np.random.default_rng(0).normal(size=(2, 8, 9, 6)).astype("float32")


def kinds(block):
    return [type(layer).__name__ for layer in block.change]


def test_a_block_without_expansion_has_two_convolutions():
    block = InvertedResidual(6, hidden=6)
    block(MAPS)
    assert [kind for kind in kinds(block) if "Conv" in kind] == ["DepthwiseConv2D", "Conv2D"]


@pytest.mark.parametrize(("hidden", "convolutions"), [(6, 1), (24, 2)])
def test_a_fused_block_projects_only_if_it_expands(hidden, convolutions):
    block = InvertedResidual(6, hidden, fused=True)
    block(MAPS)
    assert kinds(block).count("Conv2D") == convolutions


@pytest.mark.parametrize(("filters", "strides"), [(6, 2), (8, 1)])
def test_the_input_is_added_only_to_an_output_of_its_shape(filters, strides):
    block = InvertedResidual(filters, hidden=12, strides=strides)
    assert block(MAPS).shape == (2, -(-8 // strides), -(-9 // strides), filters)
    for weight in block.weights[:-4]:
        weight.assign(keras.ops.zeros_like(weight))
    np.testing.assert_array_equal(block(MAPS), np.zeros(block(MAPS).shape))


def test_stochastic_depth_leaves_out_the_change_of_whole_examples():
    block = InvertedResidual(6, hidden=12, drop_rate=0.5)
    many = np.repeat(MAPS, 16, axis=0)
    outputs = np.asarray(block(many, training=True))
    unchanged = [bool(np.array_equal(a, b)) for a, b in zip(outputs, many, strict=True)]
    partly = [bool(np.any(a == b)) for a, b in zip(outputs, many, strict=True)]
    assert 0 < sum(unchanged) < 32
    assert unchanged == partly


def test_a_wrong_width_is_named():
    with pytest.raises(InvalidInput, match="`se_width`"):
        InvertedResidual(6, hidden=12, se_width=-1)
