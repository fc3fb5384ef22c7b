"""Feature maps by stride, of each family as a backbone and as a classifier."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models import backbone

FAMILIES = {
    "vgg_tiny": (1, 2, 4, 8),
    "alexnet_tiny": (1, 2, 4, 8),
    "simple_cnn_tiny": (1, 2, 4, 8),
    "se_resnet_tiny": (1, 2, 4),
    "densenet_tiny": (1, 2, 4),
}
LARGE = {"vgg16": (1, 2, 4, 8, 16, 32), "alexnet": (4, 8, 16, 32)}
LARGE |= dict.fromkeys(("resnet18", "resnet50", "densenet121"), (2, 4, 8, 16, 32))


def sides(tensors):
    return [tuple(tensor.shape[1:3]) for tensor in tensors]


@pytest.mark.parametrize(("name", "strides"), FAMILIES.items())
@pytest.mark.parametrize("num_classes", [None, 10])
def test_each_stride_has_a_feature_map(name, strides, num_classes):
    network = kerasdl.create_model(name, num_classes=num_classes, input_shape=(32, 16, 3))
    assert tuple(network.pyramid) == strides
    maps = keras.Model(network.input, list(network.pyramid.values()))
    found = maps(np.ones((2, 32, 16, 3), "float32"))
    assert sides(found) == [(32 // stride, 16 // stride) for stride in strides]
    last = (None, *found[-1].shape[1:])
    assert network.output_shape == ((None, 10) if num_classes else last)


@pytest.mark.parametrize(("name", "strides"), LARGE.items())
def test_strides_of_large_networks(name, strides):
    with keras.StatelessScope(initialize_variables=False):
        network = kerasdl.create_model(name, num_classes=None)
    assert tuple(network.pyramid) == strides
    assert network.output is network.pyramid[32]
    image = 227 if name == "alexnet" else 224
    for stride, (height, _) in zip(strides, sides(network.pyramid.values()), strict=True):
        assert abs(height - image / stride) < 2


@pytest.mark.parametrize("name", [*FAMILIES, "lenet5_tiny", "mlp_tiny"])
def test_a_saved_backbone_is_loaded_bit_equal(name, tmp_path):
    network = kerasdl.create_model(name, num_classes=None)
    network.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert list(again.pyramid) == list(network.pyramid)
    image = np.random.default_rng(0).random((1, *network.input_shape[1:]), "float32")
    np.testing.assert_array_equal(again(image), network(image))


def test_a_backbone_takes_images_of_any_size_and_vggs_classifier_does_not():
    network = kerasdl.create_model("vgg_tiny", num_classes=None, input_shape=(None, None, 3))
    assert network(np.ones((1, 24, 40, 3))).shape == (1, 3, 5, 128)
    with pytest.raises(InvalidInput, match="`input_shape`"):
        kerasdl.create_model("vgg_tiny", input_shape=(None, None, 3))


@pytest.mark.parametrize("shape", [(64, 96, 3), (None, None, 3)])
def test_feature_maps_of_keras_applications_are_found_by_size(shape):
    network = keras.applications.MobileNetV3Small(
        input_shape=shape, include_top=False, weights=None
    )
    found = backbone.pyramid(network)
    assert list(found) == [1, 2, 4, 8, 16, 32]
    assert found[32] is network.output
    maps = keras.Model(network.input, list(found.values()))(np.ones((1, 64, 96, 3)))
    assert sides(maps) == [(64 // stride, 96 // stride) for stride in found]


def test_our_networks_define_their_pyramid_and_models_without_images_are_refused():
    network = kerasdl.create_model("resnet_tiny")
    assert backbone.pyramid(network) is network.pyramid
    with pytest.raises(InvalidInput, match="Invalid backbone"):
        backbone.pyramid(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))


@pytest.mark.parametrize(
    ("option", "answer"),
    [
        ({"pretrained": True}, "no pretrained weights"),
        ({"weights": "imagenet"}, "no pretrained weights"),
        ({"include_top": False}, "`num_classes`"),
    ],
)
def test_options_of_other_libraries_get_a_helpful_error(option, answer):
    with pytest.raises(InvalidInput, match=answer) as raised:
        kerasdl.create_model("resnet50", **option)
    assert "\n" not in str(raised.value)
