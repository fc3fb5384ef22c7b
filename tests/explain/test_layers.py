"""Figures of activations, feature maps, steps and filters show those of the layers."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput


def images(count, shape=(8, 8, 1)):
    return np.random.default_rng(0).random((count, *shape), dtype="float32")


def shown(figure):
    """Return the arrays of the images in a figure."""
    return [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]


@keras.saving.register_keras_serializable(package="test")
class Block(layers.Layer):
    def build(self, input_shape):
        self.conv = layers.Conv2D(6, 3, padding="same", activation="relu")
        self.conv.build(input_shape)

    def call(self, inputs):
        return self.conv(inputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 6)


def network():
    inputs = x = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", name="first")(x)
    x = layers.MaxPooling2D()(Block(name="block")(x))
    x = layers.Conv2D(5, 3, padding="same", name="last")(x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


@pytest.mark.rows("DBG-10")
def test_feature_maps_are_the_outputs_of_convolutions_and_blocks():
    model, image = network(), images(1)[0]
    figure = explain.feature_maps(model, image, maps=4)
    titles = [axis.get_title("left") for axis in figure.axes if axis.get_title("left")]
    assert titles == [
        "first: 8 x 8, 4 maps",
        "block: 8 x 8, 6 maps",
        "last: 4 x 4, 5 maps",
    ]
    drawn = shown(figure)
    np.testing.assert_array_equal(drawn[0], image[..., 0])
    maps = np.asarray(model.get_layer("first")(image[None]))[0]
    strongest = maps[..., np.argmax(maps.std((0, 1)))]
    np.testing.assert_allclose(drawn[1], strongest, rtol=1e-5)
    one = explain.feature_maps(model, image, layer="last")
    assert len(shown(one)) == 1 + 5
    with pytest.raises(InvalidInput, match=r"one of .*first"):
        explain.feature_maps(model, image, layer="frist")
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(InvalidInput, match="a layer with feature maps"):
        explain.feature_maps(flat, image)


@pytest.mark.rows("DBG-07")
def test_activations_equal_the_outputs_of_each_layer(model, digits):
    images = digits[0][:3]
    found = explain.activations(model, images)
    assert [*found] == [layer.name for layer in model.layers]
    for name, values in found.items():
        ends = keras.Model(model.inputs, model.get_layer(name).output)
        np.testing.assert_allclose(values, ends([images]), atol=1e-6)
    with pytest.raises(InvalidInput, match="functional or Sequential"):
        explain.activations(keras.layers.Dense(2), images)


def test_each_filter_is_scaled_to_its_own_range(model):
    figure = explain.filters(model, count=6)
    drawn = [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]
    kernel = np.array(model.layers[0].kernel)[:, :, 0, 2]
    expected = (kernel - kernel.min()) / np.ptp(kernel)
    assert len(drawn) == 6
    np.testing.assert_allclose(drawn[2], expected, atol=1e-6)
    with pytest.raises(InvalidInput, match="layer"):
        explain.filters(model, "dense")
    with pytest.raises(InvalidInput, match="a convolution of images"):
        explain.filters(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))


@pytest.mark.rows("DBG-15")
def test_steps_show_each_map_after_convolution_relu_and_pooling(digits):
    parts = [keras.layers.Conv2D(4, 3), keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *parts, keras.layers.Flatten()])
    figure = explain.steps(model, digits[0][0], maps=3)
    rows = np.reshape(figure.axes, (3, 4))
    convolved, cut, pooled = (
        [np.asarray(axis.images[0].get_array()) for axis in row[1:]] for row in rows
    )
    for before, after, small in zip(convolved, cut, pooled, strict=True):
        np.testing.assert_allclose(after, np.maximum(before, 0), atol=1e-6)
        np.testing.assert_allclose(small, after.reshape(3, 2, 3, 2).max((1, 3)), atol=1e-6)


@pytest.mark.rows("DBG-11")
def test_alexnet_has_96_first_filters():
    figure = explain.filters(kerasdl.create_model("alexnet", units=8))
    assert len(figure.axes) == 100  # four panels are empty
