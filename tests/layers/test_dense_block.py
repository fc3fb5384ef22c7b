"""Dense and transition blocks: outputs of torchvision, numbers of channels, concatenation."""

import numpy as np
import pytest

from kerasdl.layers import DenseBlock, TransitionBlock


@pytest.mark.rows("CNA-18")
def test_block_equals_the_reference(assert_equals_reference):
    assert_equals_reference(DenseBlock(3, growth_rate=4, bottleneck=2), "densenet_block.npz")


def test_transition_equals_the_reference(assert_equals_reference):
    assert_equals_reference(TransitionBlock(0.5), "densenet_transition.npz")


@pytest.mark.rows("CNA-18", "CNA-19")
def test_6_layers_turn_64_channels_into_256_and_the_transition_halves_them():
    shape = DenseBlock(6).compute_output_shape((None, 56, 56, 64))
    assert shape == (None, 56, 56, 256)
    assert TransitionBlock().compute_output_shape(shape) == (None, 28, 28, 128)


def test_the_output_begins_with_the_input_channels():
    images = np.random.default_rng(0).normal(size=(2, 5, 5, 6)).astype("float32")
    np.testing.assert_array_equal(DenseBlock(3, growth_rate=4)(images)[..., :6], images)


@pytest.mark.parametrize("block", [DenseBlock(3, growth_rate=4), TransitionBlock(0.75)])
def test_blocks_can_be_inlined(block, assert_transparent):
    assert_transparent(block, (6, 6, 4))
