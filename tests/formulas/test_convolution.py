"""Convolution, compared with Keras, PyTorch and worked examples."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from kerasdl.explain import counts
from kerasdl.formulas import convolution
from kerasdl.layers.border_padding import BorderPadding2D

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "conv2d_variants.npz")
IMAGE = REFERENCE["x"][0].transpose(1, 2, 0)  # (9, 9, 6)


def torch(name):
    """Return kernel, bias and output of PyTorch's layer, in our order of axes."""
    kernel, bias, output = (REFERENCE[f"{name}.{part}"] for part in "wby")
    return kernel.transpose(2, 3, 1, 0), bias, output[0].transpose(1, 2, 0)


def conv2d(image, kernel, **options):
    """Return the output of a Keras layer for one image."""
    layer = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2], use_bias=False, **options)
    layer.build((None, *image.shape))
    layer.set_weights([kernel])
    return layer(image[None].astype("float32"))[0]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution(stride, same):
    kernel = torch("plain")[0]
    ours = convolution.convolution(IMAGE, kernel, stride=stride)
    theirs = conv2d(IMAGE, kernel, strides=stride)
    same(convolution.convolution, "keras.layers.Conv2D", ours, theirs)


@pytest.mark.parametrize(
    ("name", "padding", "of", "formula"),
    [
        ("plain", 1, "convolution", lambda x, w, b: convolution.convolution(x, w, b, stride=2)),
        ("grouped", 1, "grouped_convolution", lambda x, w, b: grouped(x, w, 2, b)),
        ("dilated", 2, "dilate", lambda x, w, b: convolution.convolution(x, wide(w), b)),
        ("depthwise", 1, "grouped_convolution", lambda x, w, b: grouped(x, w, 6, b, stride=2)),
    ],
)
def test_variants(name, padding, of, formula, same):
    kernel, bias, expected = torch(name)
    padded = np.pad(IMAGE, [(padding, padding), (padding, padding), (0, 0)])
    ours = formula(padded, kernel, bias)
    same(getattr(convolution, of), "torch.nn.Conv2d (fixture)", ours, expected)


def grouped(*arguments, **options):
    return convolution.grouped_convolution(*arguments, **options)


def wide(kernel):
    return convolution.dilate(kernel, 2)


def test_a_pointwise_convolution_is_a_matrix_product_over_channels():
    kernel, bias, expected = torch("pointwise")
    np.testing.assert_allclose(IMAGE @ kernel[0, 0] + bias, expected, atol=1e-6)


@pytest.mark.rows("E-59")
def test_grouped_and_dilated_convolution(same):
    kernel = torch("grouped")[0]
    ours = convolution.grouped_convolution(IMAGE, kernel, groups=2)
    theirs = conv2d(IMAGE, kernel, groups=2)
    same(convolution.grouped_convolution, "keras.layers.Conv2D(groups)", ours, theirs)
    kernel = torch("plain")[0]
    ours = convolution.convolution(IMAGE, convolution.dilate(kernel, 2))
    theirs = conv2d(IMAGE, kernel, dilation_rate=2)
    same(convolution.dilate, "keras.layers.Conv2D(dilation_rate)", ours, theirs)


def test_separable_convolution(same):
    layer = keras.layers.SeparableConv2D(5, 3)
    layer.build((None, *IMAGE.shape))
    depthwise, pointwise, bias = layer.get_weights()  # (3, 3, 6, 1), (1, 1, 6, 5), (5,)
    ours = convolution.separable_convolution(IMAGE, depthwise[..., 0], pointwise[0, 0], bias)
    name = "keras.layers.SeparableConv2D"
    same(convolution.separable_convolution, name, ours, layer(IMAGE[None])[0])
    assert depthwise.size + pointwise.size == 3 * 3 * 6 + 6 * 5


@pytest.mark.rows("CNO-02", "E-07")
def test_the_kernel_is_not_flipped_and_the_sum_is_not_divided_by_its_area(same):
    image, kernel = IMAGE[..., 0], np.arange(9.0).reshape(3, 3)
    ours = convolution.filter_image(image, kernel)
    theirs = conv2d(IMAGE[..., :1], kernel[..., None, None])[..., 0]
    same(convolution.filter_image, "keras.layers.Conv2D", ours, theirs)
    theirs = signal.correlate2d(image, kernel, "valid")
    same(convolution.filter_image, "scipy.signal.correlate2d", ours, theirs)
    assert np.abs(ours - signal.convolve2d(image, kernel, "valid")).max() > 1
    assert convolution.filter_image(np.ones((3, 3)), np.ones((3, 3))) == 9


@pytest.mark.rows("E-19")
@pytest.mark.parametrize(
    ("mode", "first_row"),
    [
        ("reflect", [13, 12, 11, 12, 13, 14, 15, 14, 13]),
        ("replicate", [1, 1, 1, 2, 3, 4, 5, 5, 5]),
        ("circular", [14, 15, 11, 12, 13, 14, 15, 11, 12]),
    ],
)
def test_padding_tables(mode, first_row):
    table = convolution.pad(np.arange(1, 21).reshape(4, 5), 2, mode)
    assert table.shape == (8, 9)
    assert table[0].tolist() == first_row


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding(mode, same):
    theirs = BorderPadding2D(2, mode)(IMAGE[None])[0, ..., 0]
    ours = convolution.pad(IMAGE[..., 0], 2, mode)
    same(convolution.pad, "kerasdl.layers.BorderPadding2D", ours, theirs)
    if mode == "reflect":
        theirs = keras.ops.pad(IMAGE[..., 0], [(2, 2), (2, 2)], mode=mode)
        same(convolution.pad, "keras.ops.pad", ours, theirs)


def test_reflected_padding_equals_tensorflow(same):
    image = np.random.default_rng(0).random((200, 200))
    ours = convolution.pad(image, 12, "reflect")
    same(convolution.pad, "tf.pad(REFLECT)", ours, tf.pad(image, [(12, 12)] * 2, "REFLECT"))
    assert ours.shape == (224, 224)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [7, 8, 9])
def test_sizes(size, kernel, stride, same):
    def keras_size(padding):
        layer = keras.layers.Conv2D(1, kernel, stride, padding=padding)
        return layer.compute_output_shape((1, size, size, 1))[1]

    name = "keras.layers.Conv2D.compute_output_shape"
    ours = convolution.output_size(size, kernel, stride=stride)
    same(convolution.output_size, name, ours, keras_size("valid"))
    more = sum(convolution.same_padding(size, kernel, stride))
    ours = convolution.output_size(size + more, kernel, stride=stride)
    same(convolution.same_padding, name, ours, keras_size("same"))


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (4, 2), (5, 3)])
def test_transposed_sizes(kernel, stride, same):
    layer = keras.layers.Conv2DTranspose(1, kernel, stride)
    size = convolution.transposed_output_size(7, kernel, stride=stride)
    theirs = layer.compute_output_shape((1, 7, 7, 1))[1]
    name = "keras.layers.Conv2DTranspose.compute_output_shape"
    same(convolution.transposed_output_size, name, size, theirs)
    assert convolution.output_size(size, kernel, stride=stride) == 7


@pytest.mark.rows("E-62")
def test_same_padding_adds_the_odd_pixel_at_the_end(same):
    image, kernel = np.arange(1.0, 17).reshape(4, 4, 1), np.ones((3, 3, 1, 1))
    around = [convolution.same_padding(4, 3, 2)] * 2
    assert around == [(0, 1), (0, 1)]
    ours = convolution.convolution(np.pad(image, [*around, (0, 0)]), kernel, stride=2)
    theirs = conv2d(image, kernel, strides=2, padding="same")
    same(convolution.same_padding, 'keras.layers.Conv2D("same")', ours, theirs)
    even = convolution.convolution(np.pad(image, [(1, 1), (1, 1), (0, 0)]), kernel, stride=2)
    assert np.abs(even - ours).min() > 1  # padding by 1 on both sides gives other outputs


@pytest.mark.rows("E-01", "E-57", "E-60")
@pytest.mark.parametrize(
    ("size", "kernel", "padding", "stride", "expected"),
    [
        (227, 11, 0, 4, 55),
        (224, 11, 0, 4, 54),
        (224, 11, 2, 4, 55),
        (28, 5, 2, 1, 28),
        (32, 3, 1, 1, 32),
        (32, 3, 1, 2, 16),
        (5, 3, 2, 1, 7),
    ],
)
def test_known_output_sizes(size, kernel, padding, stride, expected):
    assert convolution.output_size(size, kernel, padding, stride) == expected


@pytest.mark.parametrize("sizes", [(3, 32, 3, 1), (64, 128, 3, 1), (64, 128, 3, 4), (3, 96, 11, 1)])
def test_parameters(sizes, same):
    channels, filters, kernel, groups = sizes
    layer = keras.layers.Conv2D(filters, kernel, groups=groups)
    layer.build((None, 32, 32, channels))
    ours = convolution.convolution_parameters(*sizes)
    name = "keras.layers.Conv2D.count_params"
    same(convolution.convolution_parameters, name, ours, layer.count_params())


@pytest.mark.rows("CMP-17")
def test_weight_counts_of_stacked_and_large_kernels():
    def weights(*chain, kernels=(3, 3)):
        pairs = zip(chain, chain[1:], kernels, strict=False)
        return sum(convolution.convolution_parameters(*p, bias=False) for p in pairs)

    assert weights(64, 64, 64) == 73_728
    assert weights(64, 64, kernels=(5,)) == 102_400
    assert weights(64, 64, 64, 64, kernels=(3, 3, 3)) == 110_592
    assert weights(64, 64, kernels=(7,)) == 200_704
    assert weights(256, 64, 64, 256, kernels=(1, 3, 1)) == 69_632
    assert weights(256, 256, 256) == 1_179_648
    whole, halves = (convolution.convolution_parameters(96, 256, 5, groups=g) for g in (1, 2))
    assert (whole, halves) == (614_656, 307_456)


@pytest.mark.rows("E-61")
@pytest.mark.parametrize(("kernel", "stride", "groups"), [(3, 1, 1), (5, 2, 2), (1, 1, 4)])
def test_multiply_adds_are_half_of_tensorflows_operations(kernel, stride, groups, same):
    layer = keras.layers.Conv2D(8, kernel, stride, groups=groups, use_bias=False)
    model = keras.Sequential([keras.Input((16, 16, 4)), layer])
    side = convolution.output_size(16, kernel, stride=stride)
    ours = convolution.convolution_macs(side, side, 4, 8, kernel, groups)
    same(convolution.convolution_macs, "kerasdl.explain.macs", ours, counts.macs(model))
    if groups == 1:  # TensorFlow's profiler ignores groups
        function = tf.function(model).get_concrete_function(tf.TensorSpec((1, 16, 16, 4)))
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        found = tf.compat.v1.profiler.profile(function.graph, options=options)
        name = "half of tf.compat.v1.profiler's float_operation"
        same(convolution.convolution_macs, name, ours, found.total_float_ops / 2)


@pytest.mark.parametrize(
    "layers",
    [[(3, 1)] * 3, [(3, 1), (2, 2), (3, 1), (2, 2)], [(5, 2), (3, 1), (3, 2)], [(3, 1), (5, 1)]],
)
def test_receptive_field(layers, same):
    x = keras.Input((64, 64, 1))
    model = keras.Sequential([x, *(keras.layers.Conv2D(1, k, s, "same") for k, s in layers)])
    image = tf.ones((1, 64, 64, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        output = model(image)
        middle = output[0, output.shape[1] // 2, output.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, image)[0, :, :, 0]).max(axis=1) > 0
    ours = convolution.receptive_field(layers)
    same(convolution.receptive_field, "tf.GradientTape", ours, seen.sum())


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([(3, 1), (2, 2)] * 3, 22),  # SimpleCNN after its third block
        ([(3, 1), (3, 1), (2, 2)] * 2 + [(3, 1), (3, 1), (3, 1), (2, 2)] * 3, 212),  # VGG-16
        ([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)], 195),  # AlexNet
    ],
)
def test_receptive_fields_of_known_networks(layers, expected):
    assert convolution.receptive_field(layers) == expected
