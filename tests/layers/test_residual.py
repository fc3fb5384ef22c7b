"""Residual blocks: outputs of torchvision, parameter counts, shortcuts, dilation."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasdl import errors
from kerasdl.layers import BottleneckBlock, PaddedShortcut, ResidualBlock, chain
from kerasdl.layers.residual import conv_bn


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def silence_change(block):
    """Zero the residual branch by setting the scale of its last normalization to 0."""
    normalization = [part for part in block.change if hasattr(part, "gamma")][-1]
    normalization.gamma.assign(ops.zeros_like(normalization.gamma))


def test_block_equals_the_reference(assert_equals_reference):
    assert_equals_reference(ResidualBlock(8), "resnet_basicblock.npz")


@pytest.mark.rows("CNA-15")
def test_block_with_projection_equals_the_reference(assert_equals_reference):
    assert_equals_reference(ResidualBlock(16, strides=2), "resnet_basicblock_down.npz")


def test_grouped_bottleneck_equals_the_reference(assert_equals_reference):
    assert_equals_reference(BottleneckBlock(4, groups=4, width=16), "resnext_bottleneck.npz")


def test_resnext_block_has_the_published_number_of_weights():
    block = BottleneckBlock(64, groups=32, width=128)  # 32x4d
    block.build((None, 8, 8, 256))
    kernels = [part for part in block.change if isinstance(part, keras.layers.Conv2D)]
    assert [k.count_params() for k in kernels] == [256 * 128, 3 * 3 * 4 * 128, 128 * 256]


@pytest.mark.parametrize(
    ("kernel_size", "strides", "dilation"),
    [(1, 1, 1), (3, 1, 1), (5, 1, 1), (3, 1, 2), (1, 2, 1), (3, 2, 1), (7, 2, 1), (2, 1, 1)],
)
@pytest.mark.parametrize("sides", [(8, 8), (7, 10)])
def test_convolution_pads_both_sides_alike(kernel_size, strides, dilation, sides):
    x = images(2, *sides, 3)
    *padding, convolution, _ = conv_bn(4, kernel_size, strides, dilation)
    y = chain.call([*padding, convolution], x)
    pad = dilation * (kernel_size // 2)
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    expected = ops.conv(padded, convolution.kernel, strides, "valid", dilation_rate=dilation)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=1e-5)
    # a layer only where "same" would pad one side more
    assert len(padding) == (strides > 1 or kernel_size % 2 == 0) * (kernel_size > 1)


@pytest.mark.parametrize("block", [ResidualBlock, BottleneckBlock])
def test_a_dilated_kernel_equals_a_larger_one_with_zeros(block):
    x = images(2, 9, 9, 8)
    dilated = block(8, dilation=2)
    y = np.array(dilated(x))
    assert y.shape == (2, 9, 9, 8 * block.expansion)
    for part in dilated.change:
        if isinstance(part, keras.layers.Conv2D) and part.kernel_size == (3, 3):
            kernel = np.zeros((5, 5, *part.kernel.shape[2:]), "float32")
            kernel[::2, ::2] = part.kernel
            z = images(1, 9, 9, kernel.shape[2])
            expected = ops.conv(z, kernel, padding="same")
            np.testing.assert_allclose(part(z), expected, atol=1e-4)


def test_invalid_dilations_groups_and_filters_are_refused():
    with pytest.raises(errors.InvalidInput, match=r"`dilation`.*strides of 2"):
        ResidualBlock(8, strides=2, dilation=2)
    with pytest.raises(errors.InvalidInput, match=r"`groups`.*divisor of 6.*4"):
        BottleneckBlock(6, groups=4)
    with pytest.raises(errors.InvalidInput, match=r"`filters`.*4 channels"):
        PaddedShortcut(3).build((None, 6, 6, 4))


@pytest.mark.rows("CNA-12")
def test_block_has_the_published_number_of_parameters():
    block = ResidualBlock(64)
    block.build((None, 8, 8, 64))
    assert sum(ops.size(w) for w in block.trainable_weights) == 73_984
    assert block.count_params() == 74_240


@pytest.mark.rows("CNA-13", "CNO-52")
def test_bottleneck_has_the_published_number_of_weights():
    block = BottleneckBlock(64)
    block.build((None, 8, 8, 256))
    kernels = [part for part in block.change if isinstance(part, keras.layers.Conv2D)]
    assert [kernel.kernel_size for kernel in kernels] == [(1, 1), (3, 3), (1, 1)]
    assert sum(kernel.count_params() for kernel in kernels) == 69_632


@pytest.mark.rows("CNA-14")
@pytest.mark.parametrize("block", [ResidualBlock(8), BottleneckBlock(2)])
def test_with_a_zero_residual_branch_the_output_is_the_relu_of_the_input(block):
    x = images(2, 5, 5, 8)
    block.build(x.shape)
    silence_change(block)
    np.testing.assert_array_equal(block(x), np.maximum(x, 0))


def test_padded_shortcut_has_no_parameters_and_keeps_every_second_pixel():
    x = images(2, 6, 6, 8)
    block = ResidualBlock(16, strides=2, shortcut="padding")
    block.build(x.shape)
    silence_change(block)
    y = np.array(block(x))
    np.testing.assert_array_equal(y[..., :8], np.maximum(x[:, ::2, ::2], 0))
    np.testing.assert_array_equal(y[..., 8:], 0)


def test_padded_shortcut_computes_the_shape_of_odd_images():
    assert PaddedShortcut(8, 2).compute_output_shape((None, 7, None, 4)) == (None, 4, None, 8)
    assert PaddedShortcut(8, 2)(images(1, 7, 6, 4)).shape == (1, 4, 3, 8)


@pytest.mark.parametrize("shortcut", ["projection", "padding"])
@pytest.mark.parametrize("block", [ResidualBlock, BottleneckBlock])
def test_blocks_can_be_inlined(block, shortcut, assert_transparent):
    assert_transparent(block(8, strides=2, se_ratio=4, shortcut=shortcut), (6, 6, 4))


def test_sublayers_use_the_dtype_policy_of_the_block():
    block = ResidualBlock(8, se_ratio=2, dtype="mixed_bfloat16")
    assert block(images(1, 4, 4, 4)).dtype == "bfloat16"
    assert {w.dtype for w in block.weights} == {"float32"}
    assert {layer.compute_dtype for layer in block._flatten_layers()} == {"bfloat16"}


def test_an_unknown_shortcut_is_refused():
    with pytest.raises(
        errors.InvalidInput, match=r"`shortcut`. Expected one of padding, projection"
    ):
        ResidualBlock(8, shortcut="projecton")
