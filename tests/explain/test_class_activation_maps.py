"""Grad-CAM finds the last feature maps of networks of all kinds, and does not change them."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import explain
from kerasdl.errors import InvalidInput
from kerasdl.formulas import attributions

RANDOM = np.random.default_rng(0)


def by_tape(maps, outputs, model, images, targets):
    """Compute Grad-CAM by a tape, of maps that are known."""
    below = keras.Model(model.inputs, maps)
    above = keras.Model(maps, outputs)
    with tf.GradientTape() as tape:
        found = below([images], training=False)
        tape.watch(found)
        values = tf.gather(above(found, training=False), targets, batch_dims=1)
    heat = attributions.grad_cam(found.numpy(), tape.gradient(values, found).numpy())
    return tf.image.resize(heat[..., None], images.shape[1:3]).numpy()[..., 0]


@pytest.mark.parametrize("name", ["resnet_tiny", "densenet_tiny", "mobilenet_v2_tiny"])
def test_default_maps_are_the_last_of_the_pyramid(name):
    model = kerasdl.create_model(name)
    images = RANDOM.random((2, *model.input_shape[1:])).astype("float32")
    ours = explain.grad_cam(model, images, [1, 2])
    maps = model.pyramid[max(model.pyramid)]
    np.testing.assert_allclose(ours, by_tape(maps, model.output, model, images, [1, 2]), atol=1e-5)
    assert ours.shape == images.shape[:3] and ours.max() > 0
    assert explain.grad_cam_plus_plus(model, images, [1, 2]).shape == images.shape[:3]


class Subclassed(keras.Model):
    """A network of which Keras knows no graph, with a backbone that is another network."""

    def __init__(self, activation="relu"):
        super().__init__()
        layers = keras.layers
        self.backbone = keras.Sequential(
            [layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(6, 3, activation=activation)]
        )
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(3, activation="softmax")

    def call(self, images):
        return self.head(self.pool(self.backbone(images)))


def test_subclassed_and_nested_networks_are_explained_and_not_changed():
    model, images = Subclassed(), RANDOM.random((2, 10, 10, 1)).astype("float32")
    heat = explain.grad_cam(model, images, [2, 0])  # it was not built before
    before, answers = model.get_weights(), model(images).numpy()
    maps = inputs = keras.Input((10, 10, 1))
    for layer in model.backbone.layers:
        maps = layer(maps)
    head = keras.layers.Dense(3)  # without the softmax
    whole = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(maps)))
    head.set_weights(model.head.get_weights())
    expected = by_tape(maps, whole.output, whole, images, [2, 0])
    np.testing.assert_allclose(heat, expected, atol=1e-6)
    slopes = [explain.slopes(each, images, [2, 0]) for each in (model, whole)]
    np.testing.assert_allclose(*slopes, atol=1e-6)
    explain.deconvnet(model, images)
    first = model.backbone.layers[0]
    assert explain.grad_cam(model, images, layer=first).shape == (2, 10, 10)
    assert all("call" not in vars(layer) for layer in model._flatten_layers())
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(answers, model(images))


def test_maps_follow_the_weights_and_the_model_can_be_freed(model, digits):
    images = digits[0][:3]
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    first = explain.grad_cam(copy, images, [1, 2, 3])
    copy.set_weights([-weight for weight in copy.get_weights()])
    assert not np.allclose(first, explain.grad_cam(copy, images, [1, 2, 3]))
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(first, explain.grad_cam(copy, images, [1, 2, 3]))
    freed = weakref.ref(copy)
    del copy
    gc.collect()
    assert freed() is None


def test_wrong_models_layers_and_targets_are_named(model, digits):
    images = digits[0][:2]
    dense = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(2.0)])
    dense.add(keras.layers.Flatten())
    dense.add(keras.layers.Dense(3))
    with pytest.raises(InvalidInput, match=r"feature maps of convolutions. Received: none"):
        explain.grad_cam(dense, images)
    maps = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(InvalidInput, match=r"one output \(batch, classes\). Received: \(None, 6"):
        explain.grad_cam(maps, images)
    with pytest.raises(InvalidInput, match=r"name of one layer .* Received: no_such, the name of"):
        explain.grad_cam(model, images, layer="no_such")
    with pytest.raises(InvalidInput, match="a layer whose output"):
        explain.grad_cam(model, images, layer=model.layers[-1])
    with pytest.raises(InvalidInput, match=r"layer. Expected one of `sequential"):
        explain.grad_cam(model, images, layer=dense.layers[0])
    with pytest.raises(InvalidInput, match="from 0 to 9 for each of 2 images"):
        explain.grad_cam(model, images, [3, 10])
    with pytest.raises(InvalidInput, match="number, height, width, channels"):
        explain.grad_cam(model, images[0])


@pytest.mark.slow
def test_networks_of_keras_applications_are_explained():
    model = keras.applications.MobileNetV2((64, 64, 3), weights=None, classes=5)
    images = RANDOM.random((2, 64, 64, 3)).astype("float32")
    expected = explain.grad_cam(model, images, [1, 4], "out_relu")
    np.testing.assert_array_equal(explain.grad_cam(model, images, [1, 4]), expected)
    for method in ("guided_backpropagation", "deconvnet", "saliency"):
        assert explain.heat_maps(model, images, method).max() > 0
