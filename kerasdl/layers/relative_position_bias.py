"""A learned bias for attention, by the offset from key to query."""

import keras
import numpy as np
from keras import initializers, layers, ops

from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class RelativePositionBias(layers.Layer):
    """Add a learned number to each score of attention, by the offset from key to query.

    What matters is mostly how far and in which direction a patch lies, wherever the query is. A
    table for all offsets of a window has (2 rows - 1)(2 columns - 1) numbers for each head.

        s_ij = q_i k_j + table[row_i - row_j, column_i - column_j]

    Args:
        grid: tuple (rows, columns) of the positions.

    Input and output shape: (batch, heads, rows * columns, rows * columns)

    Example:
        >>> RelativePositionBias((2, 3))(keras.ops.ones((1, 4, 6, 6))).shape
        TensorShape([1, 4, 6, 6])

    Reference: Liu et al. (2021), Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows.
    """

    def __init__(self, grid: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        checks.integer_tuples(length=2, grid=grid)
        self.grid = grid

    def build(self, input_shape):
        rows, columns = self.grid
        count = rows * columns
        checks.shaped(self, input_shape, (None, None, count, count))
        places = np.stack(np.divmod(np.arange(count), columns))  # (2, count)
        offsets = places[:, :, None] - places[:, None]  # (2, count, count), query minus key
        down, right = offsets[0] + rows - 1, offsets[1] + columns - 1
        self.index = (down * (2 * columns - 1) + right).ravel()
        count = (2 * rows - 1) * (2 * columns - 1)
        small = initializers.TruncatedNormal(stddev=0.02)
        self.table = self.add_weight((count, input_shape[1]), small, name="table")

    def call(self, inputs):
        count = inputs.shape[-1]
        # along axis 1, whose gradient is an array; along axis 0 it would be sparse
        bias = ops.take(ops.transpose(self.table), self.index, axis=1)  # (heads, count^2)
        return inputs + ops.reshape(bias, (1, -1, count, count))

    def compute_output_shape(self, input_shape):
        return input_shape
