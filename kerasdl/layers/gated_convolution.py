"""Gated convolution: a second convolution decides how much of the first one passes."""

from collections.abc import Callable

import keras
from keras import layers

from kerasdl.layers import windows
from kerasdl.layers.block import Block
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class GatedConv2D(Block):
    """Multiply a convolution by the sigmoid of another one.

    The gate is a soft switch for each position and channel, as in an LSTM. In inpainting it learns
    which pixels are real.

        y = f(conv_a(x)) sigma(conv_b(x))

    Args:
        filters: int, channels of the output.
        kernel_size: int or pair of ints, height and width of the kernels.
        strides: int or pair of ints.
        padding: str, "same" or "valid".
        activation: str or function, f; by default none.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, rows, columns, filters)

    Example:
        >>> GatedConv2D(4, 3)(keras.ops.ones((1, 8, 8, 2))).shape
        TensorShape([1, 8, 8, 4])

    Reference: Dauphin, Fan, Auli, Grangier (2017), Language Modeling with Gated Convolutional
    Networks.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        activation: str | Callable | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(filters=filters)
        checks.sizes(kernel_size=kernel_size, strides=strides)
        checks.activations(activation=activation)
        checks.choices(("same", "valid"), padding=padding)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.activation = activation

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        windows.check_kernel(self, input_shape, self.padding)
        shared = {"strides": self.strides, "padding": self.padding, "dtype": self.dtype_policy}
        self.features = layers.Conv2D(
            self.filters, self.kernel_size, activation=self.activation, **shared
        )
        self.gate = layers.Conv2D(self.filters, self.kernel_size, activation="sigmoid", **shared)
        self.multiply = layers.Multiply(dtype=self.dtype_policy)
        self.features.build(input_shape)
        self.gate.build(input_shape)

    def call(self, inputs):
        return self.multiply([self.features(inputs), self.gate(inputs)])

    def compute_output_shape(self, input_shape):
        shared = {"strides": self.strides, "padding": self.padding}
        convolution = layers.Conv2D(self.filters, self.kernel_size, **shared)
        return convolution.compute_output_shape(input_shape)
