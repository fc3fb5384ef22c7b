"""Convolution: formulas against Keras, torch's numbers and the examples of the notes."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import convolution

REFERENCE = np.load(pathlib.Path(__file__).parents[1] / "reference" / "conv2d_variants.npz")
IMAGE = REFERENCE["x"][0].transpose(1, 2, 0)  # (9, 9, 6)
PATCH = np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])  # the notes' neighbourhood
STEP = np.repeat([[0, 0, 0, 255, 255, 255]], 6, axis=0)  # a vertical edge


def torch(name):
    """Kernel, bias and output of torch's layer, in our order of axes."""
    kernel, bias, output = (REFERENCE[f"{name}.{part}"] for part in "wby")
    return kernel.transpose(2, 3, 1, 0), bias, output[0].transpose(1, 2, 0)


def conv2d(image, kernel, **options):
    """What Keras's layer gives for one image."""
    layer = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2], use_bias=False, **options)
    layer.build((None, *image.shape))
    layer.set_weights([kernel])
    return layer(image[None].astype("float32"))[0]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution_is_what_keras_does(stride):
    kernel = torch("plain")[0]
    np.testing.assert_allclose(
        convolution.convolution(IMAGE, kernel, stride=stride),
        conv2d(IMAGE, kernel, strides=stride),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("name", "padding", "formula"),
    [
        ("plain", 1, lambda x, w, b: convolution.convolution(x, w, b, stride=2)),
        ("grouped", 1, lambda x, w, b: convolution.grouped_convolution(x, w, 2, b)),
        ("dilated", 2, lambda x, w, b: convolution.convolution(x, convolution.dilate(w, 2), b)),
        ("depthwise", 1, lambda x, w, b: convolution.grouped_convolution(x, w, 6, b, stride=2)),
        ("pointwise", 0, lambda x, w, b: x @ w[0, 0] + b),
    ],
)
def test_every_variant_is_what_torch_does(name, padding, formula):
    kernel, bias, expected = torch(name)
    padded = np.pad(IMAGE, [(padding, padding), (padding, padding), (0, 0)])
    np.testing.assert_allclose(formula(padded, kernel, bias), expected, atol=1e-5)


def test_grouped_convolution_is_what_keras_does():
    kernel = torch("grouped")[0]
    np.testing.assert_allclose(
        convolution.grouped_convolution(IMAGE, kernel, groups=2),
        conv2d(IMAGE, kernel, groups=2),
        atol=1e-5,
    )


def test_separable_convolution_is_what_keras_does():
    layer = keras.layers.SeparableConv2D(5, 3)
    layer.build((None, *IMAGE.shape))
    depthwise, pointwise, bias = layer.get_weights()  # (3, 3, 6, 1), (1, 1, 6, 5), (5,)
    ours = convolution.separable_convolution(IMAGE, depthwise[..., 0], pointwise[0, 0], bias)
    np.testing.assert_allclose(ours, layer(IMAGE[None])[0], atol=1e-5)
    assert depthwise.size + pointwise.size == 3 * 3 * 6 + 6 * 5


def test_the_kernel_is_not_flipped():
    kernel = np.arange(9.0).reshape(3, 3)
    ours = convolution.filter_image(IMAGE[..., 0], kernel)
    np.testing.assert_allclose(ours, conv2d(IMAGE[..., :1], kernel[..., None, None])[..., 0], 1e-4)
    assert np.abs(ours - convolution.filter_image(IMAGE[..., 0], kernel[::-1, ::-1])).max() > 1


@pytest.mark.parametrize(
    ("kernel", "image", "response"),
    [
        (convolution.EDGE, PATCH, 60),
        (convolution.EDGE, np.full((3, 3), 220), 0),  # flat: the notes call 0 a sure boundary
        (convolution.BLUR, PATCH, 115.5556),
        (convolution.SHARPEN, PATCH, 280),
        (convolution.EDGE, STEP, 255),
        (convolution.SOBEL_X, STEP, 1020),
        (convolution.SOBEL_Y, STEP, 0),
    ],
)
def test_kernels_of_the_notes(kernel, image, response):
    assert convolution.filter_image(image, kernel).max() == pytest.approx(response)


def test_sobel_is_a_blur_times_a_difference():
    np.testing.assert_array_equal(np.outer([1, 2, 1], [-1, 0, 1]), convolution.SOBEL_X)


@pytest.mark.parametrize(
    ("mode", "first_row"),
    [
        ("reflect", [13, 12, 11, 12, 13, 14, 15, 14, 13]),
        ("replicate", [1, 1, 1, 2, 3, 4, 5, 5, 5]),
        ("circular", [14, 15, 11, 12, 13, 14, 15, 11, 12]),
    ],
)
def test_padding_tables_of_the_notes(mode, first_row):
    table = convolution.pad(np.arange(1, 21).reshape(4, 5), 2, mode)
    assert table.shape == (8, 9)
    assert table[0].tolist() == first_row


def test_reflection_is_what_keras_does():
    ours = convolution.pad(IMAGE[..., 0], 2, "reflect")
    np.testing.assert_array_equal(
        ours, keras.ops.pad(IMAGE[..., 0], [(2, 2), (2, 2)], mode="reflect")
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [7, 8, 9])
def test_sizes_are_what_keras_makes(size, kernel, stride):
    def keras_size(padding):
        layer = keras.layers.Conv2D(1, kernel, stride, padding=padding)
        return layer.compute_output_shape((1, size, size, 1))[1]

    same = sum(convolution.same_padding(size, kernel, stride))
    assert convolution.output_size(size, kernel, stride=stride) == keras_size("valid")
    assert convolution.output_size(size + same, kernel, stride=stride) == keras_size("same")


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (4, 2), (5, 3)])
def test_transposed_sizes_are_what_keras_makes(kernel, stride):
    layer = keras.layers.Conv2DTranspose(1, kernel, stride)
    size = convolution.transposed_output_size(7, kernel, stride=stride)
    assert size == layer.compute_output_shape((1, 7, 7, 1))[1]
    assert convolution.output_size(size, kernel, stride=stride) == 7


def test_same_padding_puts_the_odd_pixel_after():
    image, kernel = np.arange(1.0, 17).reshape(4, 4, 1), np.ones((3, 3, 1, 1))
    around = [convolution.same_padding(4, 3, 2)] * 2
    assert around == [(0, 1), (0, 1)]
    np.testing.assert_allclose(
        convolution.convolution(np.pad(image, [*around, (0, 0)]), kernel, stride=2),
        conv2d(image, kernel, strides=2, padding="same"),
    )


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
def test_output_sizes_of_the_notes(size, kernel, padding, stride, expected):
    assert convolution.output_size(size, kernel, padding, stride) == expected


@pytest.mark.parametrize("sizes", [(3, 32, 3, 1), (64, 128, 3, 1), (64, 128, 3, 4), (3, 96, 11, 1)])
def test_parameters_are_what_keras_counts(sizes):
    channels, filters, kernel, groups = sizes
    layer = keras.layers.Conv2D(filters, kernel, groups=groups)
    layer.build((None, 32, 32, channels))
    assert convolution.convolution_parameters(*sizes) == layer.count_params()


@pytest.mark.parametrize(
    "layers",
    [[(3, 1)] * 3, [(3, 1), (2, 2), (3, 1), (2, 2)], [(5, 2), (3, 1), (3, 2)], [(3, 1), (5, 1)]],
)
def test_receptive_field_is_what_the_gradient_sees(layers):
    x = keras.Input((64, 64, 1))
    model = keras.Sequential([x, *(keras.layers.Conv2D(1, k, s, "same") for k, s in layers)])
    image = tf.ones((1, 64, 64, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        output = model(image)
        middle = output[0, output.shape[1] // 2, output.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, image)[0, :, :, 0]).max(axis=1) > 0
    assert seen.sum() == convolution.receptive_field(layers)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([(3, 1), (2, 2)] * 3, 22),  # SimpleCNN after its third block
        ([(3, 1), (3, 1), (2, 2)] * 2 + [(3, 1), (3, 1), (3, 1), (2, 2)] * 3, 212),  # VGG-16
        ([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)], 195),  # AlexNet
    ],
)
def test_receptive_fields_of_famous_networks(layers, expected):
    assert convolution.receptive_field(layers) == expected
