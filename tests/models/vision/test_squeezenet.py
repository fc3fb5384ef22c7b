"""SqueezeNet: its fire module equals torchvision's, and its pooling rounds sizes up."""

import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.models.vision import pooling, squeezenet

REFERENCE = pathlib.Path(__file__).parents[2] / "reference" / "squeezenet_fire.npz"


def test_fire_module_equals_torchvision():
    reference = np.load(REFERENCE)
    x = np.transpose(reference["x"], (0, 2, 3, 1))
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, squeezenet.fire(inputs, 3, 5, 6, "fire"))
    for layer, name in zip(model.layers[1:4], ("squeeze", "expand1x1", "expand3x3"), strict=True):
        kernel = np.transpose(reference[f"w.{name}.weight"], (2, 3, 1, 0))
        layer.set_weights([kernel, reference[f"w.{name}.bias"]])
    expected = np.transpose(reference["y"], (0, 2, 3, 1))
    np.testing.assert_allclose(model(x), expected, atol=1e-6)


@pytest.mark.parametrize("size", [7, 8, 54, 109])
def test_pooling_rounds_up(size):
    x = np.random.default_rng(0).random((1, size, size, 2), "float32")
    inputs = keras.Input(x.shape[1:])
    pooled = keras.ops.convert_to_numpy(keras.Model(inputs, pooling.ceil_pool(inputs))(x))
    starts = range(0, size - 2 + (size % 2 == 0), 2)
    expected = [[x[0, r : r + 3, c : c + 3].max((0, 1)) for c in starts] for r in starts]
    np.testing.assert_array_equal(pooled[0], expected)


def test_images_of_any_size_give_a_pyramid():
    model = kerasdl.create_model("squeezenet", num_classes=None, input_shape=(None, None, 3))
    maps = keras.Model(model.input, model.pyramid)(np.zeros((1, 64, 96, 3), "float32"))
    assert list(model.pyramid) == [2, 4, 8, 16]
    assert maps[16].shape[-1] == 512
