"""A learned vector for each position of a sequence or of the patches of an image."""

import keras
from keras import initializers, layers, ops

from kerasdl import errors
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class PositionTable(layers.Layer):
    """Add a learned vector to each position of a sequence: tokens, then the patches of an image.

    Attention does not see order; these vectors tell where a patch was. `resized` gives the table
    of another image size.

        y_i = x_i + p_i

    Args:
        grid: tuple (rows, columns) of the patches.
        tokens: int, positions before the patches.

    Input and output shape: (batch, tokens + rows * columns, width)

    Example:
        >>> PositionTable((2, 2), tokens=1)(keras.ops.ones((1, 5, 8))).shape
        TensorShape([1, 5, 8])

    Reference: Dosovitskiy et al. (2021), An Image is Worth 16x16 Words.
    """

    def __init__(self, grid: tuple[int, int], tokens: int = 0, **kwargs):
        super().__init__(**kwargs)
        checks.integer_tuples(length=2, grid=grid)
        checks.integers(at_least=0, tokens=tokens)
        self.grid = grid
        self.tokens = tokens

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, time, width")
        rows, columns = self.grid
        time = self.tokens + rows * columns
        if input_shape[1] != time:
            expected = f"(batch, {time}, width)"
            raise errors.InvalidInput("input of PositionTable", expected, tuple(input_shape))
        small = initializers.TruncatedNormal(stddev=0.02)
        self.table = self.add_weight((1, time, input_shape[-1]), small, name="table")

    def call(self, inputs):
        return inputs + self.table

    def compute_output_shape(self, input_shape):
        return input_shape

    def resized(self, weights: list, other: "PositionTable") -> list:
        """Return the weights of this layer for the grid of another one, by bicubic interpolation.

        Args:
            weights: list of one array, `get_weights()` of this layer.
            other: PositionTable for another image size.
        """
        (table,) = weights
        tokens, patches = table[:, : self.tokens], table[:, self.tokens :]
        patches = patches.reshape(1, *self.grid, -1)
        if tuple(self.grid) != tuple(other.grid):
            patches = ops.image.resize(patches, other.grid, interpolation="bicubic")
        patches = ops.convert_to_numpy(patches).reshape(1, -1, table.shape[-1])
        return [ops.convert_to_numpy(ops.concatenate([tokens, patches], axis=1))]
