"""Dense blocks: every layer sees the outputs of all layers before it."""

import keras
from keras import layers, ops

from kerasdl import errors
from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.utils import checks


def bn_relu_conv(filters, kernel_size):
    return [
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        layers.ReLU(),
        layers.Conv2D(
            filters, kernel_size, padding="same", use_bias=False, kernel_initializer="he_normal"
        ),
    ]


@keras.saving.register_keras_serializable(package="kerasdl")
class DenseLayer(Block):
    """Add `growth_rate` new channels to those that came in.

        y = [x, H(x)]        H = conv3x3 relu bn conv1x1 relu bn

    The 1x1 convolution narrows the ever wider input before the 3x3 convolution looks at it.

    Args:
        growth_rate: Number of new channels.
        bottleneck: Channels between the two convolutions, as a multiple of `growth_rate`.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, channels + growth_rate)

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    """

    def __init__(self, growth_rate=32, bottleneck=4, **kwargs):
        super().__init__(**kwargs)
        checks.integers(growth_rate=growth_rate, bottleneck=bottleneck)
        self.growth_rate = growth_rate
        self.bottleneck = bottleneck
        self.new = [*bn_relu_conv(bottleneck * growth_rate, 1), *bn_relu_conv(growth_rate, 3)]

    def build(self, input_shape):
        chain.build(self, self.new, input_shape)

    def call(self, inputs):
        return ops.concatenate([inputs, chain.call(self.new, inputs)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.growth_rate)


@keras.saving.register_keras_serializable(package="kerasdl")
class DenseBlock(Block):
    """A row of layers, each of which gets the outputs of all before it.

    Where a residual block adds to its input, a dense block keeps it: what was found once can be
    used again anywhere, so each layer needs to find only a little that is new.

        x_n = H_n([x_0, x_1, ..., x_(n-1)])

    Args:
        depth: Number of layers.
        growth_rate: Channels that each layer adds.
        bottleneck: Channels inside a layer, as a multiple of `growth_rate`.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, channels + depth * growth_rate)

    Example:
        >>> DenseBlock(depth=6)(keras.ops.ones((1, 7, 7, 64))).shape
        TensorShape([1, 7, 7, 256])

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    Spec: CNA-18, CNA-19
    """

    def __init__(self, depth, growth_rate=32, bottleneck=4, **kwargs):
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
    """Between two dense blocks: fewer channels, half the height and width.

        y = mean_2x2(conv1x1(relu(bn(x))))

    Args:
        compression: Share of the channels that is kept.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / 2, width / 2, channels * compression)

    Reference: Huang, Liu, van der Maaten, Weinberger (2017), Densely Connected Convolutional
    Networks.
    Spec: CNA-18
    """

    def __init__(self, compression=0.5, **kwargs):
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
