"""Max-unpooling: every number back to where the maximum was."""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasdl.layers import windows
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class MaxUnpooling2D(layers.Layer):
    """Put each number where max pooling found its maximum, and zeros elsewhere.

    A decoder that mirrors an encoder knows where the encoder's strongest responses were: edges stay
    sharp. What was pooled tells the place, the first of several maxima. (The notes put the number
    into "the middle" of a window of 2x2, which has none.)

        y = x where source is its window's maximum, else 0

    Args:
        pool_size: Side of the windows, which lie side by side; a divisor of the image's sides.

    Input shape: two tensors, (batch, rows, columns, channels), and what was pooled,
        (batch, rows pool_size, columns pool_size, channels)
    Output shape: that of what was pooled

    Example:
        >>> source = keras.ops.convert_to_tensor([[[[1.0], [5.0]], [[2.0], [0.0]]]])
        >>> MaxUnpooling2D(2)([keras.ops.ones((1, 1, 1, 1)), source]).numpy().ravel().tolist()
        [0.0, 1.0, 0.0, 0.0]

    Spec: CNO-38, E-55
    Reference: Badrinarayanan, Kendall, Cipolla (2017), SegNet.
    """

    def __init__(self, pool_size=2, **kwargs):
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
