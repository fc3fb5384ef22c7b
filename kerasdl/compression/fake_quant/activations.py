"""Fake quantization of activations: round to the 256 values that an int8 tensor can hold."""

import keras
import tensorflow as tf
from keras import layers

NARROWEST = 1e-5  # least width of a range, so that no scale is zero
PROBABILITY = (0.0, 255 / 256)  # LiteRT's softmax and sigmoid return q / 256
TANH = (-1.0, 127 / 128)


@keras.saving.register_keras_serializable(package="kerasdl")
class FakeQuantize(layers.Layer):
    """Round a tensor to 256 evenly spaced values, as int8 does; gradients pass unchanged.

    The range of the values is measured on calibration data. In training it grows to include every
    batch and shrinks slowly when batches are narrower; at inference it is fixed. It always
    contains 0. Values outside are clipped and get no gradient.

        s = (high - low) / 255      z = -128 - round(low / s)      y = s (q - z)
        q = clip(round(x / s) + z, -128, 127)

    Args:
        low, high: float, a fixed range; by default it is measured.
        momentum: float, fraction of the old range that a training step keeps when it shrinks.

    Input and output shape: any

    Reference: Jacob et al. (2018), Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference.
    """

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        momentum: float = 0.99,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.low = low
        self.high = high
        self.momentum = momentum
        self.calibrating = False
        self.supports_masking = True

    def build(self, input_shape):
        if self.low is None:
            options = {"shape": (), "trainable": False, "aggregation": "mean"}
            self.smallest = self.add_weight(initializer="zeros", name="smallest", **options)
            self.largest = self.add_weight(initializer="zeros", name="largest", **options)

    def call(self, inputs, training=False):
        if self.low is not None:
            return tf.quantization.fake_quant_with_min_max_vars(inputs, self.low, self.high)
        if self.calibrating or training:
            smallest = tf.minimum(tf.reduce_min(inputs), 0.0)
            largest = tf.maximum(tf.reduce_max(inputs), 0.0)
            if self.calibrating:
                self.smallest.assign(tf.minimum(self.smallest, smallest))
                self.largest.assign(tf.maximum(self.largest, largest))
                return inputs
            keep = self.momentum
            shrunk = keep * self.smallest + (1 - keep) * smallest
            self.smallest.assign(tf.minimum(shrunk, smallest))
            shrunk = keep * self.largest + (1 - keep) * largest
            self.largest.assign(tf.maximum(shrunk, largest))
        smallest = tf.convert_to_tensor(self.smallest)
        largest = tf.maximum(self.largest, self.smallest + NARROWEST)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, smallest, largest)

    def compute_output_shape(self, input_shape):
        return input_shape
