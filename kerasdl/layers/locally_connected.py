"""A locally connected layer: a convolution with its own kernel at each position."""

from collections.abc import Callable

import keras
from keras import activations, layers, ops

from kerasdl.layers import windows
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class LocallyConnected2D(layers.Layer):
    """Apply a different kernel at each position of the image.

    It suits images in which position matters, such as aligned faces. Unlike a convolution it does
    not share weights between positions.

        y_hw = f( sum_window x W_hw + b_hw )        (k^2 inputs + 1) outputs weights a position

    Args:
        filters: int, channels of the output.
        kernel_size: int, side of the window.
        strides: int, distance of the windows.
        activation: str or function, f; by default none.

    Input shape: (batch, height, width, channels), sides known
    Output shape: (batch, rows, columns, filters)

    Example:
        >>> layer = LocallyConnected2D(4, 3)
        >>> layer(keras.ops.ones((1, 8, 8, 2))).shape, layer.count_params()
        (TensorShape([1, 6, 6, 4]), 2736)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        activation: str | Callable | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(filters=filters, kernel_size=kernel_size, strides=strides)
        checks.activations(activation=activation)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = activation

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=("batch",))
        windows.check_kernel(self, input_shape)
        _, rows, columns, _ = self.compute_output_shape(input_shape)
        inputs = self.kernel_size**2 * input_shape[-1]
        # the initializer's limit follows from the inputs of one position
        limit = (6 / (inputs + self.filters)) ** 0.5
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight((rows, columns, inputs, self.filters), start, name="kernel")
        self.bias = self.add_weight((rows, columns, self.filters), "zeros", name="bias")

    def call(self, inputs):
        rows, columns, _, _ = self.kernel.shape
        last = self.strides * (rows - 1) + 1, self.strides * (columns - 1) + 1
        moved = [
            inputs[:, i : i + last[0] : self.strides, j : j + last[1] : self.strides]
            for i in range(self.kernel_size)
            for j in range(self.kernel_size)
        ]
        seen = ops.concatenate(moved, axis=-1)  # (batch, rows, columns, window * channels)
        outputs = ops.einsum("bhwi,hwio->bhwo", seen, self.kernel) + self.bias
        return activations.get(self.activation)(outputs)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        sides = [(side - self.kernel_size) // self.strides + 1 for side in sides]
        return (batch, *sides, self.filters)
