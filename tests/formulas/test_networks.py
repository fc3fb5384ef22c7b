"""Networks as lists of layers: counts equal Keras, the package and other libraries."""

import itertools
import json
import pathlib

import keras
import pytest

import kerasdl
from kerasdl.explain import counts
from kerasdl.formulas import networks

COUNTS = pathlib.Path(__file__).parents[1] / "reference" / "counts.json"


@pytest.fixture(scope="module")
def known():
    return {entry["item"]: entry for entry in json.loads(COUNTS.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    ("name", "shape", "layers", "item"),
    [
        ("lenet", (28, 28, 1), networks.LENET, "LeNet-5 modern"),
        ("alexnet", (227, 227, 3), networks.ALEXNET, "AlexNet original (grouped, 227)"),
        ("vgg16", (224, 224, 3), networks.vgg(), "vgg16"),
        ("vgg19", (224, 224, 3), networks.vgg((2, 2, 4, 4, 4)), "vgg19"),
    ],
)
def test_weights_and_multiply_adds_of_published_networks(name, shape, layers, item, known, same):
    rows = networks.budget(shape, layers)
    entry = next(found for key, found in known.items() if key.startswith(item))
    macs = sum(row[2] for row in rows)
    same(networks.trained, f"torch, {name} (fixture)", networks.trained(rows), entry["params"])
    same(networks.budget, f"torch, {name} (fixture)", macs, entry["macs"])
    if name.startswith("vgg"):
        same(networks.vgg, f"torch, {name} (fixture)", networks.trained(rows), entry["params"])


@pytest.mark.rows("E-08")
def test_small_networks_equal_the_package(same):
    for name, shape, layers in (
        ("lenet5", (28, 28, 1), networks.LENET),
        ("simple_cnn", (32, 32, 3), networks.simple_cnn()),
    ):
        model = kerasdl.create_model(name, input_shape=shape)
        rows = networks.budget(shape, layers)
        ours, theirs = networks.trained(rows), counts.parameters(model).trainable
        same(networks.trained, f"kerasdl.create_model({name!r})", ours, theirs)
        macs = sum(row[2] for row in rows)
        same(networks.budget, "kerasdl.explain.macs", macs, counts.macs(model))
        if name == "simple_cnn":
            same(networks.simple_cnn, "kerasdl.create_model('simple_cnn')", ours, theirs)
            assert (ours, model.count_params()) == (1_147_914, 1_148_362)


def test_alexnet_layer_by_layer():
    rows = networks.budget((227, 227, 3), networks.ALEXNET)
    assert [row[0][0] for row in rows[:8]] == [55, 27, 27, 13, 13, 13, 13, 6]
    assert rows[8][0] == (9216,)
    macs = [row[2] for row in rows if row[2]]
    assert macs[:5] == [105_415_200, 223_948_800, 149_520_384, 112_140_288, 74_760_192]
    assert (sum(macs[:5]), sum(macs[5:])) == (665_784_864, 58_621_952)
    in_dense = sum(row[1] for row in rows[9:]) / networks.trained(rows)
    assert in_dense == pytest.approx(0.962, abs=5e-4)
    whole = [layer[:5] if layer[0] == "conv" else layer for layer in networks.ALEXNET]
    assert networks.trained(networks.budget((227, 227, 3), whole)) == 62_378_344


@pytest.mark.rows("E-65")
def test_a_simple_cnn_without_padding():
    code = networks.budget((224, 224, 3), networks.simple_cnn(padding=0, norm=False, units=256))
    assert [row[0][0] for row in code[:6]] == [222, 111, 109, 54, 52, 26]
    assert code[6][0] == (86_528,)
    assert networks.trained(code) == 22_247_242
    picture = networks.simple_cnn((64, 128), padding=0, norm=False, units=256)
    assert networks.trained(networks.budget((224, 224, 3), picture)) != 22_247_242


def test_maps_shrink_while_channels_grow():
    maps = [row[0] for row in networks.budget((224, 224, 3), networks.vgg()) if len(row[0]) == 3]
    assert [maps[0], maps[-1]] == [(224, 224, 64), (7, 7, 512)]
    for before, after in itertools.pairwise(maps):
        assert after[0] <= before[0] and after[2] >= before[2]


@pytest.mark.rows("E-58")
def test_unet(known, same):
    ours = networks.unet_parameters()
    theirs = known["U-Net paper (2x2 up-conv, biases, no BN), 1 in, 2 classes"]["params"]
    same(networks.unet_parameters, "torch, U-Net of the paper (fixture)", ours, theirs)
    assert networks.unet_parameters(3, 1) == 31_031_745
    for padding in (0, 1):
        theirs = _unet(572, padding)
        ours = networks.unet_sizes(572, padding=padding)
        same(networks.unet_sizes, "keras.layers.Conv2D, sizes", ours, theirs)
    assert networks.unet_sizes(572)[-1] == 388


def _unet(size, padding):
    """Return the sizes of the feature maps of a U-Net built from Keras layers."""
    pad = "same" if padding else "valid"

    def pair(x):
        for _ in range(2):
            x = keras.layers.Conv2D(1, 3, padding=pad)(x)
        return x

    x = pair(keras.Input((size, size, 1)))
    sizes = [x.shape[1]]
    for level in range(8):
        x = (
            keras.layers.MaxPooling2D()(x)
            if level < 4
            else keras.layers.Conv2DTranspose(1, 2, 2)(x)
        )
        x = pair(x)
        sizes.append(x.shape[1])
    return sizes
