"""L2 pooling: the Euclidean norm of each window."""

import keras
from keras import layers, ops

from kerasdl.layers import windows
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class L2Pooling2D(layers.Layer):
    """Replace each window of each channel by its Euclidean norm.

    It lies between maximum and mean pooling: all values count, large ones more, and signs do not.

        y = sqrt( sum_window x^2 )

    Args:
        pool_size: int, side of the windows, which do not overlap; a divisor of the image's sides.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / pool_size, width / pool_size, channels)

    Example:
        >>> float(L2Pooling2D(2)(keras.ops.ones((1, 2, 2, 1)))[0, 0, 0, 0])
        2.0

    Reference: Hyvaerinen, Koester (2007), Complex Cell Pooling and the Statistics of Natural
    Images.
    """

    def __init__(self, pool_size: int = 2, **kwargs):
        super().__init__(**kwargs)
        checks.integers(pool_size=pool_size)
        self.pool_size = pool_size

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        windows.check(self, input_shape)

    def call(self, inputs):
        # squares overflow 16 bits
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean = ops.average_pool(ops.square(x), self.pool_size)
        # the root has no derivative at zero
        length = self.pool_size * ops.sqrt(ops.maximum(mean, keras.config.epsilon() ** 2))
        return ops.cast(length, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return windows.smaller(input_shape, self.pool_size)
