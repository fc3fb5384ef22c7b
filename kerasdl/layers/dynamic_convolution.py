"""Dynamic convolution: each image has its own mixture of several kernels."""

from collections.abc import Callable

import keras
from keras import layers

from kerasdl.layers import windows
from kerasdl.layers.block import Block
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class DynamicConv2D(Block):
    """Filter each image with a weighted mean of several kernels, weighted by the image itself.

    A small network computes the weights from the mean of each channel. Convolution is linear in its
    kernel, so the results are mixed instead of the kernels, and a batch needs no kernel for each
    image.

        a = softmax(W mean_hw(x) + b)        y = f( x * sum_k a_k W_k + sum_k a_k b_k )

    Args:
        filters: int, channels of the output.
        kernel_size: int or pair of ints, height and width of the kernels.
        strides: int or pair of ints.
        padding: str, "same" or "valid".
        kernels: int, number of kernels, at least 2. Each takes the time of a convolution.
        activation: str or function, f; by default none.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, rows, columns, filters)

    Example:
        >>> DynamicConv2D(4, 3)(keras.ops.ones((1, 8, 8, 2))).shape
        TensorShape([1, 8, 8, 4])

    Reference: Jia, De Brabandere, Tuytelaars, Van Gool (2016), Dynamic Filter Networks; mixed as in
    Chen, Dai, Liu, Chen, Yuan, Liu (2020), Dynamic Convolution: Attention over Convolution Kernels.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        kernels: int = 4,
        activation: str | Callable | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(filters=filters)
        checks.integers(at_least=2, kernels=kernels)
        checks.sizes(kernel_size=kernel_size, strides=strides)
        checks.activations(activation=activation)
        checks.choices(("same", "valid"), padding=padding)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.kernels = kernels
        self.activation = activation

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        windows.check_kernel(self, input_shape, self.padding)
        policy = {"dtype": self.dtype_policy}
        self.pool = layers.GlobalAveragePooling2D(keepdims=True, **policy)
        self.mix = layers.Dense(self.kernels, activation="softmax", **policy)
        self.convolutions = [self._convolution(**policy) for _ in range(self.kernels)]
        self.activate = layers.Activation(self.activation, **policy)
        self.mix.build((None, 1, 1, input_shape[-1]))
        for convolution in self.convolutions:
            convolution.build(input_shape)

    def _convolution(self, **policy):
        shared = {"strides": self.strides, "padding": self.padding, **policy}
        return layers.Conv2D(self.filters, self.kernel_size, **shared)

    def call(self, inputs):
        weights = self.mix(self.pool(inputs))  # (batch, 1, 1, kernels)
        mixed = 0
        for k, convolution in enumerate(self.convolutions):
            mixed = mixed + weights[..., k : k + 1] * convolution(inputs)
        return self.activate(mixed)

    def compute_output_shape(self, input_shape):
        return self._convolution().compute_output_shape(input_shape)
