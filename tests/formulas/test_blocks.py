"""Blocks of vision networks, compared with the package's layers, Keras and torchvision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import blocks, pooling
from kerasdl.formulas.activations import relu
from kerasdl.formulas.convolution import convolution
from kerasdl.formulas.normalization import batch_normalization_inference
from kerasdl.layers import dense_block, residual
from kerasdl.layers.se_block import SEBlock

IMAGE = np.random.default_rng(0).normal(size=(5, 5, 8)).astype("float32")


def torch(numbers, name):
    """Convert an image or a kernel of PyTorch to our order of axes."""
    array = numbers[name]
    return array[0].transpose(1, 2, 0) if name in "xy" else array.transpose(2, 3, 1, 0)


def norm(numbers, name):
    return [
        numbers[f"w.{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    ]


def part(numbers, conv, bn):
    return torch(numbers, f"w.{conv}.weight"), norm(numbers, bn)


def randomly(layer):
    """Set random weights, so that none has its initial value."""
    random = np.random.default_rng(1)
    layer.build((None, *IMAGE.shape))
    layer.set_weights([random.uniform(0.1, 1, w.shape) for w in layer.get_weights()])
    return layer


def parts_of(chain):
    """Pair the kernel of each convolution with the weights of its normalization."""
    kernels = [x.get_weights()[0] for x in chain if isinstance(x, keras.layers.Conv2D)]
    norms = [x.get_weights() for x in chain if isinstance(x, keras.layers.BatchNormalization)]
    return list(zip(kernels, norms, strict=True))


def test_squeeze_excitation(same):
    layer = randomly(SEBlock(ratio=4))
    ours = blocks.squeeze_excitation(IMAGE, *layer.get_weights())
    same(blocks.squeeze_excitation, "kerasdl.layers.SEBlock", ours, layer(IMAGE[None])[0])


def test_squeeze_excitation_equals_torchvision_and_has_580_parameters(same, reference):
    numbers = reference("se_block")
    weights = [numbers[f"w.{name}"] for name in ("fc1.weight", "fc2.weight")]
    first, second = (w[:, :, 0, 0].T for w in weights)
    biases = numbers["w.fc1.bias"], numbers["w.fc2.bias"]
    ours = blocks.squeeze_excitation(torch(numbers, "x"), first, biases[0], second, biases[1])
    name = "torchvision SqueezeExcitation (fixture)"
    same(blocks.squeeze_excitation, name, ours, torch(numbers, "y"))
    layer = SEBlock(ratio=16)
    layer.build((None, 7, 7, 64))
    assert layer.count_params() == 2 * 64 * 64 // 16 + 64 // 16 + 64 == 580


def test_residual_passes_the_gradient_past_a_zero_branch(same):
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x + 0 * x
    ours = blocks.residual(x.numpy(), np.zeros_like)
    same(blocks.residual, "keras.layers.Add", ours, keras.layers.Add()([x, 0 * x]))
    np.testing.assert_array_equal(tape.gradient(y, x), 1)


def test_a_normalized_convolution(same):
    chain = residual.conv_bn(6, 3, 2)
    layers = keras.Sequential([keras.Input(IMAGE.shape), *chain])
    layers.set_weights([np.random.default_rng(1).uniform(0.1, 1, w.shape) for w in layers.weights])
    ours = blocks.normalized(IMAGE, *parts_of(chain)[0], stride=2)
    same(
        blocks.normalized,
        "keras.layers.Conv2D and BatchNormalization",
        ours,
        layers(IMAGE[None])[0],
    )


@pytest.mark.parametrize(("filters", "stride"), [(8, 1), (16, 2)])
def test_basic_block(filters, stride, same):
    layer = randomly(residual.ResidualBlock(filters, stride))
    keep = parts_of(layer.keep)
    ours = blocks.basic_block(IMAGE, *parts_of(layer.change), *keep, stride=stride)
    same(blocks.basic_block, "kerasdl.layers.ResidualBlock", ours, layer(IMAGE[None])[0])
    kernels = [x.kernel_size for x in layer.change if isinstance(x, keras.layers.Conv2D)]
    assert kernels == [(3, 3), (3, 3)]  # no bottleneck


@pytest.mark.parametrize("down", [False, True])
def test_basic_block_equals_torchvision(down, same, reference):
    numbers = reference("resnet_basicblock_down" if down else "resnet_basicblock")
    both = [part(numbers, f"conv{i}", f"bn{i}") for i in (1, 2)]
    keep = [part(numbers, "downsample.0", "downsample.1")] if down else []
    ours = blocks.basic_block(torch(numbers, "x"), *both, *keep, stride=1 + down)
    name = "torchvision BasicBlock (fixture)"
    same(blocks.basic_block, name, ours, torch(numbers, "y"))


def test_bottleneck_block(same, reference):
    layer = randomly(residual.BottleneckBlock(2, 2))
    keep = parts_of(layer.keep)
    ours = blocks.bottleneck_block(IMAGE, *parts_of(layer.change), *keep, stride=2)
    same(blocks.bottleneck_block, "kerasdl.layers.BottleneckBlock", ours, layer(IMAGE[None])[0])
    numbers = reference("resnext_bottleneck")
    three = [part(numbers, f"conv{i}", f"bn{i}") for i in (1, 2, 3)]
    ours = blocks.bottleneck_block(torch(numbers, "x"), *three, groups=4)
    name = "torchvision Bottleneck, ResNeXt (fixture)"
    same(blocks.bottleneck_block, name, ours, torch(numbers, "y"))


@pytest.mark.rows("E-09")
def test_weights_of_blocks():
    layer = residual.ResidualBlock(64)
    layer.build((None, 8, 8, 64))
    trainable = sum(w.numpy().size for w in layer.trainable_weights)
    assert (trainable, layer.count_params()) == (73_984, 74_240)
    bottleneck = 256 * 64 + 9 * 64 * 64 + 64 * 256
    resnext = 256 * 128 + 9 * 128 * 128 // 32 + 128 * 256  # 32 groups of twice the width
    assert bottleneck == 69_632
    assert resnext == pytest.approx(bottleneck, rel=0.02)


def test_inception(same, reference):
    numbers = reference("googlenet_inception")

    def row(*names):
        def branch(x):
            for name in names:
                x = relu(
                    blocks.normalized(x, *part(numbers, f"{name}.conv", f"{name}.bn"), epsilon=1e-3)
                )
            return x

        return branch

    def pooled(x):
        edges = np.pad(x, [(1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
        return row("branch4.1")(pooling.max_pooling(edges, 3, 1))

    several = row("branch1"), row("branch2.0", "branch2.1"), row("branch3.0", "branch3.1"), pooled
    ours = blocks.inception(torch(numbers, "x"), several)
    name = "torchvision GoogLeNet's Inception (fixture)"
    same(blocks.inception, name, ours, torch(numbers, "y"))
    widths = [(192, 64, 1), (192, 96, 1), (96, 128, 3), (192, 16, 1), (16, 32, 5), (192, 32, 1)]
    assert sum(n * (c * k * k + 1) for c, n, k in widths) == 163_696
    assert 64 + 128 + 32 + 32 == 256


def test_dense_connections(same):
    layer = randomly(dense_block.DenseBlock(3, growth_rate=4, bottleneck=2))
    each = [lambda x, inner=inner: _new(inner, x) for inner in layer.dense_layers]
    ours = blocks.dense_connections(IMAGE, each)
    same(blocks.dense_connections, "kerasdl.layers.DenseBlock", ours, layer(IMAGE[None])[0])
    assert ours.shape[-1] == 8 + 3 * 4


def test_dense_connections_equal_torchvision(same, reference):
    numbers = reference("densenet_block")

    def layer(place):
        def new(x):
            for i in (1, 2):
                gamma, beta, mean, variance = norm(numbers, f"denselayer{place}.norm{i}")
                x = relu(batch_normalization_inference(x, mean, variance, gamma, beta, 1e-5))
                x = same_convolution(x, torch(numbers, f"w.denselayer{place}.conv{i}.weight"))
            return x

        return new

    ours = blocks.dense_connections(torch(numbers, "x"), [layer(place) for place in (1, 2, 3)])
    name = "torchvision _DenseBlock (fixture)"
    same(blocks.dense_connections, name, ours, torch(numbers, "y"))


def same_convolution(x, kernel, bias=0.0):
    """Convolve with same padding."""
    around = kernel.shape[0] // 2
    return convolution(np.pad(x, [(around, around), (around, around), (0, 0)]), kernel, bias)


def test_the_fire_module_is_two_parallel_convolutions(same, reference):
    numbers = reference("squeezenet_fire")

    def part_of(name):
        weights = torch(numbers, f"w.{name}.weight"), numbers[f"w.{name}.bias"]
        return lambda x: relu(same_convolution(x, *weights))

    squeezed = part_of("squeeze")(torch(numbers, "x"))
    ours = blocks.inception(squeezed, [part_of("expand1x1"), part_of("expand3x3")])
    for formula in (blocks.inception, convolution, relu):
        same(formula, "torchvision Fire (fixture)", ours, torch(numbers, "y"))


def _new(layer, x):
    y = x[None]
    for part in layer.new:
        y = part(y)
    return np.asarray(y[0])


def test_transition(same, reference):
    numbers = reference("densenet_transition")
    weights = norm(numbers, "norm"), torch(numbers, "w.conv.weight")
    ours = blocks.transition(torch(numbers, "x"), *weights)
    same(blocks.transition, "torchvision _Transition (fixture)", ours, torch(numbers, "y"))
    layer = randomly(dense_block.TransitionBlock())
    bn, conv = layer.shrink[0].get_weights(), layer.shrink[2].get_weights()[0]
    ours = blocks.transition(IMAGE, bn, conv)
    same(blocks.transition, "kerasdl.layers.TransitionBlock", ours, layer(IMAGE[None])[0])


def test_depthwise_separable_block(same, reference):
    numbers = reference("mobilenetv1_dwsep")
    both = part(numbers, "0", "1"), part(numbers, "3", "4")
    ours = blocks.depthwise_separable_block(torch(numbers, "x"), *both, stride=2)
    name = "torch, layer by layer (fixture)"
    same(blocks.depthwise_separable_block, name, ours, torch(numbers, "y"))
    depthwise, pointwise = 9 * 64, 64 * 128
    assert (depthwise + pointwise) / (9 * 64 * 128) == pytest.approx(1 / 128 + 1 / 9)


def test_convnext_block(same, reference):
    numbers = reference("convnext_block")
    weights = [numbers[f"w.block.{name}"] for name in ("3.weight", "3.bias", "5.weight", "5.bias")]
    ours = blocks.convnext_block(
        torch(numbers, "x"),
        torch(numbers, "w.block.0.weight"),
        numbers["w.block.0.bias"],
        (numbers["w.block.2.weight"], numbers["w.block.2.bias"]),
        *(w.T for w in weights),
        scale=numbers["w.layer_scale"].ravel(),
    )
    same(blocks.convnext_block, "torchvision CNBlock (fixture)", ours, torch(numbers, "y"))
