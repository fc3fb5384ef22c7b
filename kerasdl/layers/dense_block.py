"""Dense blocks: each layer gets the outputs of all layers before it."""

import keras
from keras import layers, ops

from kerasdl import errors
from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.utils import checks


def bn_relu_conv(filters: int, kernel_size: int) -> list[layers.Layer]:
    """Return batch normalization, ReLU and a convolution."""
    return [
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.ReLU(),
        layers.Conv2D(
            filters, kernel_size, padding="same", use_bias=False, kernel_initializer="he_normal"
        ),
    ]


@keras.saving.register_keras_serializable(package="kerasdl")
class DenseLayer(Block):
    """Concatenate `growth_rate` new channels to the input.

        y = [x, H(x)]        H = conv3x3 relu bn conv1x1 relu bn

    The 1x1 convolution reduces the growing number of channels before the 3x3 convolution.

    Args:
        growth_rate: int, number of new channels.
        bottleneck: int, channels between the two convolutions, as a multiple of `growth_rate`.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, channels + growth_rate)

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    """

    def __init__(self, growth_rate: int = 32, bottleneck: int = 4, **kwargs):
        super().__init__(**kwargs)
        checks.integers(growth_rate=growth_rate, bottleneck=bottleneck)
        self.growth_rate = growth_rate
        self.bottleneck = bottleneck
        self.new = [*bn_relu_conv(bottleneck * growth_rate, 1), *bn_relu_conv(growth_rate, 3)]

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        chain.build(self, self.new, input_shape)

    def call(self, inputs):
        return ops.concatenate([inputs, chain.call(self.new, inputs)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.growth_rate)


@keras.saving.register_keras_serializable(package="kerasdl")
class DenseBlock(Block):
    """A sequence of layers, each of which gets the outputs of all layers before it.

    A residual block adds to its input; a dense block concatenates to it. Later layers can use every
    earlier feature map, so each layer needs to add only a few new ones.

        x_n = H_n([x_0, x_1, ..., x_(n-1)])

    Args:
        depth: int, number of layers.
        growth_rate: int, channels that each layer adds.
        bottleneck: int, channels inside a layer, as a multiple of `growth_rate`.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, channels + depth * growth_rate)

    Example:
        >>> DenseBlock(depth=6)(keras.ops.ones((1, 7, 7, 64))).shape
        TensorShape([1, 7, 7, 256])

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    """

    def __init__(self, depth: int, growth_rate: int = 32, bottleneck: int = 4, **kwargs):
        super().__init__(**kwargs)
        checks.integers(depth=depth, growth_rate=growth_rate, bottleneck=bottleneck)
        self.depth = depth
        self.growth_rate = growth_rate
        self.bottleneck = bottleneck
        self.dense_layers = [DenseLayer(growth_rate, bottleneck) for _ in range(depth)]

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        chain.build(self, self.dense_layers, input_shape)

    def call(self, inputs):
        return chain.call(self.dense_layers, inputs)

    def compute_output_shape(self, input_shape):
        return chain.output_shape(self.dense_layers, input_shape)


@keras.saving.register_keras_serializable(package="kerasdl")
class TransitionBlock(Block):
    """Reduce the channels, and halve height and width, between two dense blocks.

        y = mean_2x2(conv1x1(relu(bn(x))))

    Args:
        compression: float, fraction of the channels that is kept, in (0, 1].

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / 2, width / 2, channels * compression)

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    """

    def __init__(self, compression: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        checks.numbers(above=0, at_most=1, compression=compression)
        self.compression = compression

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        filters = int(input_shape[-1] * self.compression)
        sides = [n for n in input_shape[1:3] if n is not None]
        if not filters or min(sides, default=2) < 2:
            expected = f"2 x 2 pixels and a channel that compression {self.compression} leaves"
            raise errors.InvalidInput("input of TransitionBlock", expected, input_shape)
        self.shrink = [*bn_relu_conv(filters, 1), layers.AveragePooling2D(2)]
        chain.build(self, self.shrink, input_shape)

    def call(self, inputs):
        return chain.call(self.shrink, inputs)

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        return (batch, *(n and n // 2 for n in size), int(channels * self.compression))
