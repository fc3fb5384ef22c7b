"""Replicate, reflect and circular padding."""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasdl import errors
from kerasdl.utils import checks

MODES = ("replicate", "reflect", "circular")


@keras.saving.register_keras_serializable(package="kerasdl")
class BorderPadding2D(layers.Layer):
    """Pad images with their own pixels instead of zeros, which look like an edge.

    Circular padding continues at the opposite side, so that a convolution commutes with every
    circular shift. It is not a mirror image; that is "reflect".

        replicate   a a | a b c | c c
        reflect     c b | a b c | b a
        circular    b c | a b c | a b

    Args:
        padding: int, number of pixels to add on each side.
        mode: str, "replicate", "reflect" or "circular".

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height + 2 padding, width + 2 padding, channels)

    Example:
        >>> row = keras.ops.reshape(keras.ops.arange(3.0), (1, 1, 3, 1))
        >>> BorderPadding2D(1, "circular")(row)[0, 0, :, 0].numpy().tolist()
        [2.0, 0.0, 1.0, 2.0, 0.0]
    """

    def __init__(self, padding: int = 1, mode: str = "replicate", **kwargs):
        super().__init__(**kwargs)
        checks.integers(padding=padding)
        checks.choices(MODES, mode=mode)
        self.padding = padding
        self.mode = mode

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        self._check(input_shape[1:3])

    def _least(self):
        """Return the number of pixels that a side must have."""
        return {"replicate": 1, "reflect": self.padding + 1, "circular": self.padding}[self.mode]

    def _check(self, sides):
        if any(side and side < self._least() for side in sides):
            expected = f"at most what sides of {tuple(sides)} have"
            raise errors.InvalidInput("value for argument `padding`", expected, self.padding)

    def call(self, inputs):
        self._check(inputs.shape[1:3])
        if None in inputs.shape[1:3] and not isinstance(inputs, keras.KerasTensor):
            message = "The padding of BorderPadding2D must be at most what sides have."
            sides = tf.shape(inputs)[1:3]
            fits = tf.debugging.assert_greater_equal(sides, self._least(), message)
            with tf.control_dependencies([fits]):
                inputs = tf.identity(inputs)
        return self._pad(self._pad(inputs, 1), 2)

    def _pad(self, x, axis):
        count = self.padding
        if self.mode == "reflect":
            widths = [(0, 0)] * 4
            widths[axis] = (count, count)
            return ops.pad(x, widths, "reflect")

        def part(first, last):
            return x[:, first:last] if axis == 1 else x[:, :, first:last]

        if self.mode == "circular":
            return ops.concatenate([part(-count, None), x, part(None, count)], axis=axis)
        return ops.concatenate([part(None, 1)] * count + [x] + [part(-1, None)] * count, axis=axis)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        more = 2 * self.padding
        return (batch, height and height + more, width and width + more, channels)
