"""`explain.top_patches` finds the patches with the largest activations."""

import keras
import numpy as np
import pytest

from kerasdl import explain
from kerasdl.errors import InvalidInput

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], "float32")


@pytest.fixture(scope="module")
def model():
    parts = [
        keras.layers.Conv2D(2, 3, activation="relu", name="first"),
        keras.layers.MaxPooling2D(),
    ]
    parts.append(keras.layers.Conv2D(3, 2, name="second"))
    model = keras.Sequential([keras.Input((12, 12, 1)), *parts])
    kernel = np.stack([2 * CROSS - 1, 0 * CROSS], -1)[:, :, None]
    model.get_layer("first").set_weights([kernel, np.zeros(2)])
    return model


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    images = 0.3 * random.random((20, 12, 12, 1)).astype("float32")
    for image in images[:7]:
        top, left = random.integers(0, 10, 2)
        image[top : top + 3, left : left + 3, 0] = CROSS
    return images


@pytest.mark.rows("DBG-12")
def test_a_cross_filter_finds_all_crosses(model, images):
    figure = explain.top_patches(model, images, "first", maps=1, count=7)
    drawn = [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]
    assert len(drawn) == 7
    for piece in drawn:
        np.testing.assert_array_equal(piece, CROSS)


def test_guided_gradients_are_drawn_below_the_patches(model, images):
    axes = explain.top_patches(model, images, "first", maps=1, count=3, guided=True).axes
    assert len(axes) == 6
    np.testing.assert_array_equal(axes[0].images[0].get_array(), CROSS)
    np.testing.assert_array_equal(axes[3].images[0].get_array(), CROSS)  # positive weights


def test_patches_of_deeper_layers_are_larger(model, images):
    drawn = explain.top_patches(model, images, maps=3, count=4).axes
    assert len(drawn) == 12 and max(drawn[0].images[0].get_array().shape) > 3
    dead = explain.top_patches(model, images, "first", maps=2, count=4)
    assert dead.axes[-1].images[0].get_array().shape == (3, 3)


def test_unknown_layers_and_too_few_images_are_refused(model, images):
    with pytest.raises(InvalidInput, match=r"one of .*first"):
        explain.top_patches(model, images, "frist")
    with pytest.raises(InvalidInput, match="at least 8"):
        explain.top_patches(model, images[:5])
