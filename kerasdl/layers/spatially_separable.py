"""A spatially separable convolution: along the columns, then along the rows."""

from collections.abc import Callable

import keras
from keras import layers

from kerasdl.layers import chain, windows
from kerasdl.layers.block import Block
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class SpatiallySeparableConv2D(Block):
    """A k x 1 convolution and a 1 x k convolution: 2k weights per pair of channels, not k^2.

    It equals a k x k convolution whose kernel is a column times a row, such as Sobel's. It cannot
    represent other kernels.

        K = u v^T   =>   conv(x, K) = conv(conv(x, u), v^T)

    Args:
        filters: int, channels of the output and between the two convolutions.
        kernel_size: int, k.
        strides: int, the vertical stride of the first convolution and the horizontal one of the
            second.
        padding: str, "same" or "valid".
        activation: str or function, applied to the output; by default none.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, rows, columns, filters)

    Example:
        >>> layer = SpatiallySeparableConv2D(1, 3)
        >>> layer(keras.ops.ones((1, 8, 8, 1))).shape, layer.count_params()  # 3 + 3 and a bias
        (TensorShape([1, 8, 8, 1]), 7)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        padding: str = "same",
        activation: str | Callable | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(filters=filters, kernel_size=kernel_size, strides=strides)
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
        self.parts = self._convolutions()
        chain.build(self, self.parts, input_shape)

    def _convolutions(self):
        k, s = self.kernel_size, self.strides
        shared = {"filters": self.filters, "padding": self.padding}
        return [
            layers.Conv2D(kernel_size=(k, 1), strides=(s, 1), use_bias=False, **shared),
            layers.Conv2D(kernel_size=(1, k), strides=(1, s), activation=self.activation, **shared),
        ]

    def call(self, inputs):
        return chain.call(self.parts, inputs)

    def compute_output_shape(self, input_shape):
        return chain.output_shape(self._convolutions(), input_shape)
