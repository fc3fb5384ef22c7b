"""Blocks of vision networks equal those of torchvision and transformers."""

import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.layers import BottleneckBlock, chain, residual
from kerasdl.models.vision.convnext import ConvNeXtBlock
from kerasdl.models.vision.googlenet import Inception
from tests.conformance.references import in_our_layout

FOLDER = pathlib.Path(__file__).parents[2] / "reference"


def load(name):
    """The input and output of a fixture as (batch, height, width, channels), and its weights."""
    fixture = np.load(FOLDER / f"{name}.npz")
    x, y = (np.transpose(fixture[part], (0, 2, 3, 1)) for part in "xy")
    return x, y, [fixture[part] for part in fixture.files if part.startswith("w.")]


def give(layer, weights):
    """Set a layer's weights to those of PyTorch in the same order."""
    shapes = [tuple(w.shape) for w in layer.weights]
    kinds = ["layer_scale" if w.shape[1:] == (1, 1) else "" for w in weights]
    pairs = zip(weights, kinds, shapes, strict=True)
    layer.set_weights([in_our_layout(*pair) for pair in pairs])


@pytest.mark.rows("CNA-24")
def test_convnext_block_equals_torchvision():
    x, y, weights = load("convnext_block")
    block = ConvNeXtBlock()
    block.build(x.shape)
    give(block, weights)
    np.testing.assert_allclose(block(x), y, atol=1e-5)


@pytest.mark.rows("CNA-11")
def test_inception_equals_torchvision():
    x, y, weights = load("googlenet_inception")
    block = Inception((4, 3, 6, 2, 4, 3), batch_normalization=True)
    block.build(x.shape)
    give(block, weights)
    np.testing.assert_allclose(block(x), y, atol=1e-5)


@pytest.mark.rows("CNA-22")
def test_resnext_bottleneck_equals_torchvision():
    x, y, weights = load("resnext_bottleneck")
    block = BottleneckBlock(4, groups=4, width=16)
    block.build(x.shape)
    give(block, weights)
    np.testing.assert_allclose(block(x), y, atol=1e-5)


@pytest.mark.rows("CNA-22")
def test_resnexts_block_has_about_the_parameters_of_resnets():
    plain, grouped = BottleneckBlock(64), BottleneckBlock(64, groups=32, width=128)
    for block in (plain, grouped):
        block.build((None, 56, 56, 256))
    assert grouped.count_params() == pytest.approx(plain.count_params(), rel=0.02)


@pytest.mark.rows("CNA-21")
def test_depthwise_separable_convolution_equals_pytorch():
    x, y, weights = load("mobilenetv1_dwsep")
    relu6 = keras.layers.ReLU(6)
    blocks = [*residual.depthwise_bn(3, 2), relu6, *residual.conv_bn(12, 1), relu6]
    model = keras.Sequential([keras.Input(x.shape[1:]), *blocks])
    give(model, weights)
    np.testing.assert_allclose(chain.call(blocks, x), y, atol=1e-5)


@pytest.mark.rows("TRF-47")
def test_vit_equals_transformers():
    fixture = np.load(FOLDER / "vit_tiny.npz")
    theirs = {name[2:]: fixture[name] for name in fixture.files if name.startswith("w.")}
    vit = kerasdl.create_model(
        "vit_tiny",
        patch_size=4,
        width=24,
        depth=2,
        heads=3,
        hidden=48,
        num_classes=7,
        input_shape=(16, 16, 3),
    )
    embeddings = "vit.embeddings"
    patches = "vit.embeddings.patch_embeddings.projection"
    kernel = theirs[f"{patches}.weight"].transpose(2, 3, 1, 0)
    vit.get_layer("patches").set_weights([kernel, theirs[f"{patches}.bias"]])
    vit.get_layer("token").set_weights([theirs[f"{embeddings}.cls_token"]])
    vit.get_layer("positions").set_weights([theirs[f"{embeddings}.position_embeddings"]])
    for i in range(2):

        def both(name, i=i):
            weight, bias = (theirs[f"vit.layers.{i}.{name}.{part}"] for part in ("weight", "bias"))
            return [weight.T, bias]

        def joined(names):
            return [np.concatenate(parts, -1) for parts in zip(*map(both, names), strict=True)]

        block = vit.get_layer(f"block{i + 1}")
        block.set_weights(
            [
                *both("layernorm_before"),
                *joined([f"attention.{letter}_proj" for letter in "qkv"]),
                *both("attention.o_proj"),
                *both("layernorm_after"),
                *both("mlp.fc1"),
                *both("mlp.fc2"),
            ]
        )
    vit.get_layer("norm").set_weights(
        [theirs["vit.layernorm.weight"], theirs["vit.layernorm.bias"]]
    )
    head = [theirs["classifier.weight"].T, theirs["classifier.bias"]]
    vit.get_layer("logits").set_weights(head)
    logits = vit(np.transpose(fixture["x"], (0, 2, 3, 1)))
    np.testing.assert_allclose(logits, fixture["logits"], atol=1e-4)


@pytest.mark.parametrize("name", ["vit_tiny", "deit_tiny", "swin_tiny", "mobilenet_v2_tiny"])
def test_a_network_continues_at_another_image_size(name):
    network = kerasdl.create_model(name)
    larger = network.resized((56, 56, 1))
    assert larger.input_shape == (None, 56, 56, 1)
    assert larger.count_params() >= network.count_params()
    same = network.resized((28, 28, 1))
    x = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    np.testing.assert_array_equal(same(x), network(x))


def test_a_larger_image_of_the_same_scene_gives_nearly_the_same_answer():
    network = kerasdl.create_model("vit_tiny", pooling="mean")
    flat = np.ones((1, 28, 28, 1), "float32")
    same, larger = network(flat), network.resized((56, 56, 1))(np.ones((1, 56, 56, 1), "float32"))
    assert np.abs(same - larger).max() < 0.1 * np.abs(same).max()


def test_dense_layers_on_a_map_fit_one_size():
    with pytest.raises(InvalidInput, match="the only size of its"):
        kerasdl.create_model("simple_cnn_tiny", input_shape=(16, 16, 1)).resized((32, 32, 1))


def test_auxiliary_heads_have_the_published_count_and_train():
    with keras.StatelessScope(initialize_variables=False):
        network = kerasdl.create_model("googlenet", auxiliary=True)
    assert network.count_params() == 13_378_280
    assert set(network.output) == {"logits", "auxiliary1", "auxiliary2"}
    assert network.training_defaults()["loss_weights"]["auxiliary1"] == 0.3
    with pytest.raises(InvalidInput, match="`auxiliary`"):
        kerasdl.create_model("googlenet", auxiliary=True, num_classes=None)


@pytest.mark.rows("CNA-11")
def test_the_first_inception_module_has_the_published_count():
    module = Inception((64, 96, 128, 16, 32, 32))
    module.build((None, 28, 28, 192))
    assert module.compute_output_shape((None, 28, 28, 192)) == (None, 28, 28, 256)
    assert module.count_params() == 163_696


@pytest.mark.rows("CNA-32")
def test_recent_families_are_registered():
    families = {"efficientnet_v2_s", "convnext_t", "vit_b16", "swin_t", "coatnet_0"}
    assert families <= set(kerasdl.list_models("vision"))


@pytest.mark.rows("CNA-25")
def test_coatnet_has_the_published_size():
    with keras.StatelessScope(initialize_variables=False):
        network = kerasdl.create_model("coatnet_0")
    assert network.count_params() == pytest.approx(25e6, rel=0.05)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("mobilenet_v2_tiny", "stages", ((1, 8, 1),)),
        ("mobilenet_v3_tiny", "blocks", (3, 4)),
        ("efficientnet_tiny", "stages", ()),
        ("googlenet_tiny", "stages", 3),
    ],
)
def test_rows_of_another_form_are_refused(name, option, value):
    with pytest.raises(InvalidInput, match=f"`{option}`"):
        kerasdl.create_model(name, **{option: value})
