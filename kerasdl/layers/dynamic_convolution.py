"""Dynamic convolution: a kernel that the image itself mixes."""

import keras
from keras import layers

from kerasdl.layers import windows
from kerasdl.layers.block import Block
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class DynamicConv2D(Block):
    """Filter each image with a kernel of its own: a mix of a few that all images share.

    What is worth looking for depends on what there is to be seen. A small network looks at the mean
    of each channel and says how much of each kernel is taken. Convolution is linear in its kernel,
    so here the results are mixed, which needs no kernel for each image of a batch.

        a = softmax(W mean_hw(x) + b)        y = f( x * sum_k a_k W_k + sum_k a_k b_k )

    Args:
        filters: Channels of the output.
        kernel_size, strides, padding: As in `keras.layers.Conv2D`.
        kernels: How many are mixed, at least 2; each costs a convolution.
        activation: Name of f; `None` for none.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, rows, columns, filters)

    Example:
        >>> DynamicConv2D(4, 3)(keras.ops.ones((1, 8, 8, 2))).shape
        TensorShape([1, 8, 8, 4])

    Spec: CNO-49
    Reference: Jia, De Brabandere, Tuytelaars, Van Gool (2016), Dynamic Filter Networks; mixed as in
    Chen, Dai, Liu, Chen, Yuan, Liu (2020), Dynamic Convolution: Attention over Convolution Kernels.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        padding="same",
        kernels=4,
        activation=None,
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
        shares = self.mix(self.pool(inputs))  # (batch, 1, 1, kernels)
        mixed = 0
        for k, convolution in enumerate(self.convolutions):
            mixed = mixed + shares[..., k : k + 1] * convolution(inputs)
        return self.activate(mixed)

    def compute_output_shape(self, input_shape):
        return self._convolution().compute_output_shape(input_shape)
