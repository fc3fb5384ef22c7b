"""Learned tokens that are put before a sequence."""

import keras
from keras import initializers, layers, ops

from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class ClassToken(layers.Layer):
    """Put learned vectors before a sequence.

    Attention lets such a vector collect what a classifier needs from all positions. DeiT has a
    second one, which learns from another network's answers.

        y = [t_1, ..., t_count, x_1, ..., x_time]

    Args:
        count: int, number of learned vectors.

    Input shape: (batch, time, width)
    Output shape: (batch, count + time, width)

    Example:
        >>> ClassToken()(keras.ops.ones((1, 4, 8))).shape
        TensorShape([1, 5, 8])

    Reference: Dosovitskiy et al. (2021), An Image is Worth 16x16 Words.
    """

    def __init__(self, count: int = 1, **kwargs):
        super().__init__(**kwargs)
        checks.integers(count=count)
        self.count = count

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, width", unknown=("batch", "time"))
        small = initializers.TruncatedNormal(stddev=0.02)
        self.tokens = self.add_weight((1, self.count, input_shape[-1]), small, name="tokens")

    def call(self, inputs):
        # the product gives each example of the batch its tokens, whatever the batch size
        ones = ops.ones_like(inputs[:, :1, :1])
        return ops.concatenate([ones * self.tokens, inputs], axis=1)

    def compute_output_shape(self, input_shape):
        batch, time, width = input_shape
        return (batch, time and time + self.count, width)
