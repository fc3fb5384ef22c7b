"""Squeeze-and-excitation: outputs of torchvision, the formula, parameter counts."""

import numpy as np
import pytest
from keras import ops

from kerasdl import errors
from kerasdl.layers import SEBlock


def test_equals_the_reference(assert_equals_reference):
    assert_equals_reference(SEBlock(ratio=4), "se_block.npz")


@pytest.mark.rows("CNO-55")
def test_has_the_published_number_of_parameters():
    block = SEBlock(ratio=16)
    block.build((None, 7, 7, 64))
    assert block.count_params() == 580


def test_scales_by_half_when_its_logits_are_zero():
    block = SEBlock(ratio=2)
    block.build((None, 4, 4, 8))
    block.set_weights([np.zeros(weight.shape) for weight in block.weights])
    images = np.random.default_rng(0).random((1, 4, 4, 8), dtype="float32")
    np.testing.assert_array_equal(block(images), images / 2)


@pytest.mark.rows("CNO-55")
def test_scale_is_one_number_between_0_and_1_for_each_channel():
    scale = np.array(SEBlock(ratio=2)(ops.ones((3, 4, 4, 8))))
    assert ((scale > 0) & (scale < 1)).all()
    np.testing.assert_array_equal(scale, np.broadcast_to(scale[:, :1, :1], scale.shape))


def test_it_can_be_inlined(assert_transparent):
    assert_transparent(SEBlock(ratio=2), (4, 4, 8))


def test_a_ratio_that_does_not_divide_the_channels_is_refused():
    with pytest.raises(
        errors.InvalidInput, match=r"Expected a divisor of the 10 channels\. Received: 16"
    ):
        SEBlock(ratio=16).build((None, 4, 4, 10))


def test_width_and_activations_equal_the_formula():
    block = SEBlock(width=3, activation="silu", gate="hard_sigmoid")
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 10)).astype("float32")
    outputs = block(images)
    w1, b1, w2, b2 = block.get_weights()
    assert w1.shape == (10, 3)
    hidden = np.array(ops.silu(images.mean((1, 2)) @ w1 + b1))
    scale = np.array(ops.hard_sigmoid(hidden @ w2 + b2))
    np.testing.assert_allclose(outputs, images * scale[:, None, None], atol=1e-6)
