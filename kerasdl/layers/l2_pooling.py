"""L2 pooling: the length of each window."""

import keras
from keras import layers, ops

from kerasdl.layers import windows
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class L2Pooling2D(layers.Layer):
    """Take from each window and channel the length of the vector that it is.

    Between the maximum, which one strong number decides, and the mean, which the weak ones drown:
    all count, the strong ones more, and signs do not.

        y = sqrt( sum_window x^2 )

    Args:
        pool_size: Side of the windows, which lie side by side; a divisor of the image's sides.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height / pool_size, width / pool_size, channels)

    Example:
        >>> float(L2Pooling2D(2)(keras.ops.ones((1, 2, 2, 1)))[0, 0, 0, 0])
        2.0

    Spec: CNO-32
    Reference: Hyvaerinen, Koester (2007), Complex Cell Pooling and the Statistics of Natural
    Images.
    """

    def __init__(self, pool_size=2, **kwargs):
        super().__init__(**kwargs)
        checks.integers(pool_size=pool_size)
        self.pool_size = pool_size

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        windows.check(self, input_shape)

    def call(self, inputs):
        # 16 bits have no room for squares
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean = ops.average_pool(ops.square(x), self.pool_size)
        # the root has no slope at zero
        length = self.pool_size * ops.sqrt(ops.maximum(mean, keras.config.epsilon() ** 2))
        return ops.cast(length, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return windows.smaller(input_shape, self.pool_size)
