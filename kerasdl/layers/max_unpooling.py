"""Max-unpooling: the reverse of max pooling."""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasdl.layers import windows
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class MaxUnpooling2D(layers.Layer):
    """Put each number where max pooling found its maximum, and zeros elsewhere.

    A decoder that mirrors an encoder keeps edges sharp by placing values where the encoder's
    responses were strongest. The position is that of the first maximum of each window of the map
    that was pooled.

        y = x where source is its window's maximum, else 0

    Args:
        pool_size: int, side of the windows, which do not overlap; a divisor of the image's sides.

    Input shape: two tensors, (batch, rows, columns, channels), and the map that was pooled,
        (batch, rows * pool_size, columns * pool_size, channels)
    Output shape: that of the map that was pooled

    Example:
        >>> source = keras.ops.convert_to_tensor([[[[1.0], [5.0]], [[2.0], [0.0]]]])
        >>> MaxUnpooling2D(2)([keras.ops.ones((1, 1, 1, 1)), source]).numpy().ravel().tolist()
        [0.0, 1.0, 0.0, 0.0]

    Reference: Badrinarayanan, Kendall, Cipolla (2017), SegNet.
    """

    def __init__(self, pool_size: int = 2, **kwargs):
        super().__init__(**kwargs)
        checks.integers(pool_size=pool_size)
        self.pool_size = pool_size

    def build(self, input_shape):
        expected = "two: images, and what was pooled to their size"
        checks.several(self, input_shape, (2,), expected)
        for shape in input_shape:
            checks.inputs(self, shape, "batch, height, width, channels")
        windows.check(self, input_shape[1])
        self._check(*input_shape)

    def _check(self, pooled, source):
        expected = windows.larger(pooled, self.pool_size)
        checks.shaped(self, source, expected, "what was pooled, the second input")

    def call(self, inputs):
        x, source = inputs
        self._check(x.shape, source.shape)
        if None in (*x.shape, *source.shape) and not isinstance(x, keras.KerasTensor):
            expected = tf.shape(x) * [1, self.pool_size, self.pool_size, 1]
            message = "The second input of MaxUnpooling2D is not what was pooled to the first."
            fits = tf.debugging.assert_equal(tf.shape(source), expected, message)
            with tf.control_dependencies([fits]):
                x = tf.identity(x)
        tiles = windows.split(source, self.pool_size)  # (batch, rows, columns, window, channels)
        largest = ops.cast(tiles >= ops.max(tiles, axis=3, keepdims=True), x.dtype)
        first = largest * ops.cast(ops.cumsum(largest, axis=3) < 1.5, x.dtype)
        return windows.join(first * ops.expand_dims(x, 3), self.pool_size)

    def compute_output_shape(self, input_shape):
        return input_shape[1]
