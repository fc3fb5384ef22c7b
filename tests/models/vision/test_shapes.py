"""Sizes of feature maps in each family, and sizes of images that it refuses."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasdl
from kerasdl import errors
from kerasdl.explain import counts


def sizes(model, names):
    return [model.get_layer(name).output.shape[1] for name in names]


@pytest.mark.rows("CNA-01", "CNO-53", "CNO-54")
def test_simple_cnn_halves_32_pixels_three_times():
    model = kerasdl.create_model("simple_cnn")
    assert sizes(model, ["conv1", "conv2", "conv3"]) == [32, 16, 8]
    assert model.get_layer("features").input.shape == (None, 4 * 4 * 128)


@pytest.mark.rows("CNA-04")
def test_lenet_flattens_400_values():
    model = kerasdl.create_model("lenet5")
    assert sizes(model, ["conv1", "pool1", "conv2", "pool2"]) == [28, 14, 10, 5]
    assert model.get_layer("dense1").input.shape == (None, 400)


def test_lenet_enlarges_only_small_images():
    model = kerasdl.create_model("lenet5_tiny")
    assert sizes(model, ["enlarge", "conv1", "pool1", "conv2", "pool2"]) == [28, 28, 14, 10, 5]
    assert counts.parameters(model).trainable == 61_706
    model = kerasdl.create_model("lenet5", input_shape=(64, 32, 1))
    assert "enlarge" not in [layer.name for layer in model.layers]


@pytest.mark.rows("CNA-10")
@pytest.mark.parametrize(("name", "number"), [("vgg16", 16), ("vgg19", 19)])
def test_vgg_has_the_number_of_weight_layers_in_its_name(name, number):
    with keras.StatelessScope(initialize_variables=False):
        model = kerasdl.create_model(name)
    assert sum(isinstance(p, (layers.Conv2D, layers.Dense)) for p in model.layers) == number
    pools = [p.output.shape[1:] for p in model.layers if isinstance(p, layers.MaxPooling2D)]
    assert pools == [(112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)]


@pytest.mark.rows("CNA-15", "CNA-35")
def test_resnet_and_densenet_halve_224_pixels_five_times():
    with keras.StatelessScope(initialize_variables=False):
        resnet = kerasdl.create_model("resnet18")
        densenet = kerasdl.create_model("densenet121")
    assert sizes(resnet, [f"stage{i}_block1" for i in (1, 2, 3, 4)]) == [56, 28, 14, 7]
    assert sizes(densenet, [f"dense_block{i}" for i in (1, 2, 3, 4)]) == [56, 28, 14, 7]


@pytest.mark.rows("CNO-30")
@pytest.mark.parametrize("name", ["se_resnet_tiny", "resnet_tiny", "densenet_tiny"])
def test_networks_with_global_pooling_take_images_of_any_size(name):
    model = kerasdl.create_model(name, input_shape=(None, None, 3))
    for shape in ((1, 8, 8, 3), (2, 33, 17, 3)):
        assert model(np.zeros(shape, "float32")).shape == (shape[0], 10)


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("simple_cnn", 8),
        ("lenet5", 4),
        ("alexnet", 67),
        ("alexnet_tiny", 8),
        ("vgg_tiny", 8),
        ("vgg16", 32),
        ("resnet18", 32),
        ("resnet20", 4),
        ("densenet121", 32),
        ("densenet_tiny", 4),
    ],
)
def test_too_small_images_are_refused(name, smallest):
    with keras.StatelessScope(initialize_variables=False):
        model = kerasdl.create_model(name, input_shape=(smallest, smallest, 3))
        assert 0 not in [size for layer in model.layers for size in layer.output.shape]
        message = rf"`input_shape`. Expected .* at least {smallest}.*\. Received: \("
        with pytest.raises(errors.InvalidInput, match=message):
            kerasdl.create_model(name, input_shape=(smallest, smallest - 1, 3))


@pytest.mark.parametrize("shape", [(32, 32), (8,), (32, 32, None), (None, None, 3)])
def test_invalid_image_shapes_are_refused(shape):
    with pytest.raises(errors.InvalidInput, match=r"Expected \(height, width, channels\)"):
        kerasdl.create_model("simple_cnn", input_shape=shape)


@pytest.mark.parametrize(
    ("option", "value"), [("block", "bottle"), ("stem", "imagnet"), ("shortcut", "pad")]
)
def test_unknown_options_are_refused_with_a_suggestion(option, value):
    with pytest.raises(errors.InvalidInput, match=rf"`{option}`. Expected one of .*{value[:3]}"):
        kerasdl.create_model("resnet18", **{option: value})
