"""Local response normalization: neighboring channels compete."""

import keras
import numpy as np
from keras import layers, ops

from kerasdl import errors
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class LocalResponseNormalization(layers.Layer):
    """Divide each channel by a power of the sum of squares of the channels around it.

    A strong response of one channel reduces its neighbors at the same pixel, as in the retina.
    AlexNet uses it after its first two convolutions; batch normalization has replaced it since.

        b_i = a_i / (k + alpha * sum_j a_j^2)^beta        j from i - size / 2 to i + size / 2

    This is the alpha of the publication; PyTorch's is `size` times as large.

    Args:
        size: int, number of neighboring channels that are summed, odd.
        k: float, above 0.
        alpha: float, at least 0.
        beta: float, at least 0.

    Input and output shape: (batch, ..., channels)

    Example:
        >>> LocalResponseNormalization(k=1.0, alpha=1.0, beta=0.5)(keras.ops.ones((1, 1, 3)))
        <tf.Tensor: shape=(1, 1, 3), dtype=float32, numpy=array([[[0.5, 0.5, 0.5]]], dtype=float32)>

    Reference: Krizhevsky, Sutskever, Hinton (2012), ImageNet Classification with Deep Convolutional
    Neural Networks.
    """

    def __init__(
        self, size: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs
    ):
        super().__init__(**kwargs)
        is_odd = checks.is_integer(size) and size % 2 == 1
        checks.check("size", size, is_odd, "a positive odd integer")
        checks.numbers(above=0, k=k)
        checks.numbers(at_least=0, alpha=alpha, beta=beta)
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def build(self, input_shape):
        if len(input_shape) < 2 or input_shape[-1] is None:
            expected = "shape (batch, ..., channels) with known channels"
            raise errors.InvalidInput("input of LocalResponseNormalization", expected, input_shape)

    def call(self, inputs, training=False):
        # in half precision squares overflow, and adding k rounds small sums away
        squares = ops.square(ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32")))
        around, channels = self.size // 2, inputs.shape[-1]
        if training:
            # sums over neighbors as a product: slices and their gradients take longer
            place = np.arange(channels)
            near = abs(place[:, None] - place) <= around
            energy = ops.tensordot(squares, ops.convert_to_tensor(near, squares.dtype), 1)
        else:
            no_padding = [(0, 0)] * (len(inputs.shape) - 1)
            squares = ops.pad(squares, [*no_padding, (around, around)])
            energy = sum(squares[..., j : j + channels] for j in range(self.size))
        return inputs * ops.cast((self.k + self.alpha * energy) ** -self.beta, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
