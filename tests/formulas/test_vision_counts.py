"""Parameter counts of image networks, compared with keras.applications and the package."""

import keras
import pytest

import kerasdl
from kerasdl.explain import counts
from kerasdl.formulas import transfer, vision_counts

pytestmark = pytest.mark.slow  # large networks are built

EFFICIENT = vision_counts.efficientnet_parameters


def weights_of(model, formula, same, proven, **options):
    """Compare a model's total and trainable parameters with a formula; return the total."""
    found = counts.parameters(model)
    ours = [formula(**options), formula(**options, norm=2)]
    same(formula, proven, ours, [found.total, found.trainable], 0)
    return found.total


def depth_of(model):
    """Count convolutions and dense layers, without shortcuts."""
    kinds = keras.layers.Conv2D, keras.layers.Dense
    return sum(isinstance(x, kinds) and not x.name.endswith("_0_conv") for x in model.layers)


@pytest.mark.parametrize(
    ("name", "depths", "known"),
    [("ResNet50", (3, 4, 6, 3), 25_636_712), ("ResNet152", (3, 8, 36, 3), 60_419_944)],
)
def test_resnets_equal_keras(name, depths, known, same):
    model = getattr(keras.applications, name)(weights=None)
    name, formula = f"keras.applications.{name}", vision_counts.resnet_parameters
    assert weights_of(model, formula, same, name, depths=depths) == known
    same(vision_counts.resnet_layers, name, vision_counts.resnet_layers(depths), depth_of(model), 0)


@pytest.mark.parametrize("blocks", [3, 5, 9])
def test_small_resnets_have_6_n_plus_2_layers(blocks, same):
    name = f"resnet{6 * blocks + 2}"
    model = kerasdl.compression.flatten(kerasdl.create_model(name))
    ours = vision_counts.resnet_layers((blocks,) * 3, inside=2)
    theirs = depth_of(model)  # shortcuts here have no weights
    same(vision_counts.resnet_layers, f"kerasdl.create_model({name!r})", ours, theirs, 0)
    assert ours == 6 * blocks + 2


def test_densenet_equals_keras(same):
    model = keras.applications.DenseNet121(weights=None)
    name, formula = "keras.applications.DenseNet121", vision_counts.densenet_parameters
    assert weights_of(model, formula, same, name) == 8_062_504


@pytest.mark.parametrize(
    ("name", "stages", "known"),
    [
        ("EfficientNetB0", vision_counts.EFFICIENTNET_B0, 5_330_571),
        ("EfficientNetV2B0", vision_counts.EFFICIENTNET_V2B0, 7_200_312),
        ("MobileNetV2", vision_counts.MOBILENET_V2, 3_538_984),
    ],
)
def test_efficient_networks_equal_keras(name, stages, known, same):
    model = getattr(keras.applications, name)(weights=None)
    found, more = counts.parameters(model), 7 if name == "EfficientNetB0" else 0
    theirs = [found.total - more, found.trainable]
    ours = [EFFICIENT(stages, norm=norm) for norm in (4, 2)]
    same(EFFICIENT, f"keras.applications.{name}, without its color statistics", ours, theirs, 0)
    assert theirs[0] + more == known


@pytest.mark.parametrize(
    ("name", "options", "formula", "sizes"),
    [
        ("EfficientNetB0", "block2a_", "mobile_parameters", (16, 24, 3, 6)),
        ("EfficientNetV2B0", "block2a_", "fused_parameters", (16, 32, 4)),
        ("EfficientNetV2B0", "block1a_", "fused_parameters", (32, 16, 1)),
        ("ResNet50", "conv2_block1_", "bottleneck_parameters", (64, 64)),
        ("ResNet50", "conv2_block2_", "bottleneck_parameters", (256, 64)),
    ],
)
def test_blocks_equal_keras(name, options, formula, sizes, same, networks):
    layers = [x for x in networks(name).layers if x.name.startswith(options)]
    theirs = sum(layer.count_params() for layer in layers)
    formula = getattr(vision_counts, formula)
    same(formula, f"{options}* of keras.applications.{name}", formula(*sizes), theirs, 0)


@pytest.fixture(scope="module")
def networks():
    """Build networks without heads, each once."""
    built = {}

    def build(name):
        if name not in built:
            make = getattr(keras.applications, name)
            built[name] = make(weights=None, include_top=False, pooling="avg")
        return built[name]

    return build


def test_mobilenet_equals_keras(same):
    model = keras.applications.MobileNet(weights=None)
    name, formula = "keras.applications.MobileNet", vision_counts.mobilenet_parameters
    assert weights_of(model, formula, same, name) == 4_253_864


def test_convnext_equals_keras(same):
    theirs = keras.applications.ConvNeXtTiny(weights=None).count_params()
    formula = vision_counts.convnext_parameters
    same(formula, "keras.applications.ConvNeXtTiny", formula(), theirs, 0)
    assert theirs == 28_589_128


def with_head(base, *widths):
    head = [keras.layers.Dense(n, "relu") for n in widths]
    return keras.Sequential([base, *head])


def test_a_densenet_with_a_new_head(same, networks):
    base = networks("DenseNet121")
    found = counts.parameters(with_head(base, 128, 10))
    theirs = [found.total, found.trainable]
    bases = [vision_counts.densenet_parameters(classes=0, norm=norm) for norm in (4, 2)]
    ours = [transfer.tuned_parameters(n, 1024, 128, 10) for n in bases]
    name = "keras.applications.DenseNet121 with a new head"
    same(transfer.tuned_parameters, name, ours, theirs, 0)
    assert theirs == [7_169_994, 7_086_346]


def test_a_resnet_for_feature_extraction_and_with_its_last_layers_trained(same, networks):
    base = networks("ResNet50")
    model = with_head(base, 256, 10)
    base.trainable, found = False, []
    found += [model.count_params(), counts.parameters(model).trainable]
    base.trainable = True
    for layer in base.layers[:-21]:  # trains the last 20 before the pooling
        layer.trainable = False
    found.append(counts.parameters(model).trainable)
    last = 2 * vision_counts.bottleneck_parameters(2048, 512, norm=2)
    bases = vision_counts.resnet_parameters(classes=0), 0, last
    ours = [transfer.tuned_parameters(n, 2048, 256, 10) for n in bases]
    name = "keras.applications.ResNet50 with a new head"
    same(transfer.tuned_parameters, name, ours, found, 0)
    assert found == [24_114_826, 527_114, 9_458_442]
