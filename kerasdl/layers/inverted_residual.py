"""The inverted residual block of mobile networks: expand, filter each channel, project."""

from collections.abc import Callable

import keras
from keras import layers

from kerasdl.layers import chain, residual
from kerasdl.layers.block import Block
from kerasdl.layers.se_block import SEBlock
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class InvertedResidual(Block):
    """Expand to many channels, filter each one by itself, and project back to few.

    A depthwise convolution needs many channels to be expressive, and costs little on them. Input
    and output stay narrow, so the identity shortcut takes little memory. The projection has no
    activation, because ReLU would lose information in so few channels.

        y = x + project(se(depthwise(expand(x))))        the sum only if x and y have one shape
        fused:    y = x + project(convolution(x))

    Args:
        filters: int, channels of the output.
        hidden: int, channels between. If the input has as many, nothing expands it.
        kernel_size: int, side of the depthwise kernel.
        strides: int, stride of the depthwise convolution.
        activation: str or function, after all convolutions but the projection.
        se_width: int, units of the squeeze and excitation between; by default there is none.
        se_activation: str or function, activation of those units.
        gate: str or function, gives the weight of each channel, in [0, 1].
        fused: bool, whether one ordinary convolution expands and filters. It computes more and is
            faster on large images, because the hardware is used better. If it does not expand,
            nothing projects either.
        drop_rate: float, fraction of the examples of which training leaves out all but x, in
            [0, 1): stochastic depth.
        epsilon: float, added to the variance by batch normalization.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / strides, width / strides, filters)

    Example:
        >>> InvertedResidual(16, hidden=32, strides=2)(keras.ops.ones((1, 8, 8, 8))).shape
        TensorShape([1, 4, 4, 16])

    Reference: Sandler et al. (2018), MobileNetV2: Inverted Residuals and Linear Bottlenecks; Tan,
    Le (2021), EfficientNetV2: Smaller Models and Faster Training.
    """

    def __init__(
        self,
        filters: int,
        hidden: int,
        kernel_size: int = 3,
        strides: int = 1,
        activation: str | Callable | None = "relu6",
        se_width: int | None = None,
        se_activation: str | Callable | None = "relu",
        gate: str | Callable | None = "sigmoid",
        fused: bool = False,
        drop_rate: float = 0.0,
        epsilon: float = 1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(filters=filters, hidden=hidden, kernel_size=kernel_size, strides=strides)
        checks.integers(optional=True, se_width=se_width)
        checks.activations(activation=activation, se_activation=se_activation, gate=gate)
        checks.flags(fused=fused)
        checks.fractions(drop_rate=drop_rate)
        checks.numbers(above=0, epsilon=epsilon)
        self.filters = filters
        self.hidden = hidden
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = activation
        self.se_width = se_width
        self.se_activation = se_activation
        self.gate = gate
        self.fused = fused
        self.drop_rate = drop_rate
        self.epsilon = epsilon

    def conv_bn(self, filters: int, kernel_size: int = 1, strides: int = 1) -> list[layers.Layer]:
        """Return a convolution and batch normalization with the block's epsilon."""
        return residual.conv_bn(filters, kernel_size, strides, epsilon=self.epsilon)

    def activate(self) -> list[layers.Layer]:
        """Return a new layer of the block's activation."""
        return [layers.Activation(self.activation)] if self.activation else []

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        expands = input_shape[-1] != self.hidden
        attention = []
        if self.se_width:
            gates = {"activation": self.se_activation, "gate": self.gate}
            attention = [SEBlock(width=self.se_width, **gates)]
        project = self.conv_bn(self.filters)
        if self.fused:
            width = self.hidden if expands else self.filters
            wide = [*self.conv_bn(width, self.kernel_size, self.strides), *self.activate()]
            self.change = [*wide, *attention, *(project if expands else [])]
        else:
            expand = [*self.conv_bn(self.hidden), *self.activate()] if expands else []
            depthwise = residual.depthwise_bn(self.kernel_size, self.strides, self.epsilon)
            self.change = [*expand, *depthwise, *self.activate(), *attention, *project]
        if self.strides == 1 and input_shape[-1] == self.filters:
            self.add = layers.Add()
            self.drop = layers.Dropout(self.drop_rate, noise_shape=(None, 1, 1, 1))
            self.change = [*self.change, self.drop]
        else:
            self.add = None
        chain.build(self, self.change, input_shape)

    def call(self, inputs, training=False):
        outputs = chain.call(self.change, inputs)
        return outputs if self.add is None else self.add([inputs, outputs])

    def compute_output_shape(self, input_shape):
        return chain.output_shape(self.change, input_shape)
