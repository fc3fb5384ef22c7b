"""Upsampling, compared with Keras, TensorFlow and the package's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import layers
from kerasdl.formulas import pooling, upsampling

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(4, 5, 4)).astype("float32")


@pytest.mark.rows("E-55")
def test_bed_of_nails_equals_the_gradient_of_strided_slicing(same):
    with tf.GradientTape() as tape:
        x = tf.Variable(tf.zeros((1, 8, 10, 4)))
        y = x[:, ::2, ::2]
    theirs = tape.gradient(y, x, IMAGE[None])[0]
    same(upsampling.bed_of_nails, "tf.GradientTape", upsampling.bed_of_nails(IMAGE), theirs)
    assert upsampling.bed_of_nails(np.array([[[1], [2]], [[3], [4]]])).sum() == 10


@pytest.mark.rows("E-55")
def test_max_unpooling(same):
    source = RANDOM.permutation(8 * 10 * 4).reshape(8, 10, 4).astype("float32")
    ours = upsampling.max_unpooling(IMAGE, source)
    theirs = layers.MaxUnpooling2D(2)([IMAGE[None], source[None]])[0]
    same(upsampling.max_unpooling, "kerasdl.layers.MaxUnpooling2D", ours, theirs)
    _, places = tf.nn.max_pool_with_argmax(source[None], 2, 2, "VALID")
    theirs = np.zeros(source.size)
    theirs[places.numpy().ravel()] = IMAGE.ravel()
    name = "tf.nn.max_pool_with_argmax"
    same(upsampling.max_unpooling, name, ours.ravel(), theirs)
    largest = pooling.max_pooling(source)
    there = upsampling.max_unpooling(largest, source)
    np.testing.assert_array_equal(pooling.max_pooling(there), largest)


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (3, 1), (5, 3)])
def test_transposed_convolution(kernel, stride, same):
    weights = RANDOM.normal(size=(kernel, kernel, 3, 4)).astype("float32")
    bias = RANDOM.normal(size=3).astype("float32")
    layer = keras.layers.Conv2DTranspose(3, kernel, stride)
    layer.build((None, *IMAGE.shape))
    layer.set_weights([weights, bias])
    ours = upsampling.transposed_convolution(IMAGE, weights, bias, stride)
    name = "keras.layers.Conv2DTranspose"
    same(upsampling.transposed_convolution, name, ours, layer(IMAGE[None])[0])


@pytest.mark.parametrize(("name", "padding"), [("tconv_k4s2p1", 1), ("tconv_k2s2", 0)])
def test_transposed_convolution_with_padding(name, padding, same, reference):
    numbers = reference("conv2d_variants")
    kernel = numbers[f"{name}.w"].transpose(2, 3, 1, 0)  # (height, width, filters, channels)
    image = numbers["x"][0].transpose(1, 2, 0)
    ours = upsampling.transposed_convolution(image, kernel, numbers[f"{name}.b"], padding=padding)
    theirs = numbers[f"{name}.y"][0].transpose(1, 2, 0)
    same(upsampling.transposed_convolution, "torch.nn.ConvTranspose2d (fixture)", ours, theirs)


@pytest.mark.rows("E-56")
def test_a_transposed_convolution_is_the_adjoint_but_not_the_inverse(same):
    kernel = RANDOM.normal(size=(4, 4, 3, 4))
    x, y = RANDOM.normal(size=(10, 12, 3)), RANDOM.normal(size=(4, 5, 4))
    forth = tf.nn.conv2d(x[None], kernel, 2, "VALID")[0]
    back = upsampling.transposed_convolution(y, kernel)
    name = "<conv x, y> = <x, conv^T y>, by tf.nn.conv2d"
    formula = upsampling.transposed_convolution
    same(formula, name, np.sum(x * back), np.sum(forth * y))
    again = upsampling.transposed_convolution(forth.numpy(), kernel)
    assert np.abs(again - x).max() > 1


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (2, 2), (5, 3)])
def test_overlaps(kernel, stride, same):
    layer = keras.layers.Conv2DTranspose(1, kernel, stride, kernel_initializer="ones")
    theirs = layer(np.ones((1, 5, 5, 1)))[0, ..., 0]
    ours = upsampling.overlaps(5, kernel, stride)
    name = "keras.layers.Conv2DTranspose of ones"
    same(upsampling.overlaps, name, np.outer(ours, ours), theirs)
    inside = np.outer(ours, ours)[kernel:-kernel, kernel:-kernel]
    assert (len(np.unique(inside)) == 1) == (kernel % stride == 0)


@pytest.mark.parametrize("factor", [2, 3])
def test_nearest_and_bilinear_upsampling(factor, same):
    for formula, interpolation in (
        (upsampling.nearest_upsampling, "nearest"),
        (upsampling.bilinear_upsampling, "bilinear"),
    ):
        layer = keras.layers.UpSampling2D(factor, interpolation=interpolation)
        name = f'keras.layers.UpSampling2D("{interpolation}")'
        same(formula, name, formula(IMAGE, factor), layer(IMAGE[None])[0])


def test_pixel_shuffle(same):
    theirs = tf.nn.depth_to_space(IMAGE[None], 2)[0]
    same(upsampling.pixel_shuffle, "tf.nn.depth_to_space", upsampling.pixel_shuffle(IMAGE), theirs)
