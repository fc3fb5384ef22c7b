"""Patch embedding: an image becomes a sequence of vectors, one for each tile."""

import keras
from keras import layers, ops

from kerasdl.errors import InvalidInput
from kerasdl.layers.block import Block
from kerasdl.utils import checks


def patchify(images, size: int):
    """Cut images into tiles: (batch, height, width, channels) -> (batch, tiles, numbers)."""
    _, height, width, channels = images.shape
    rows, columns = height // size, width // size
    tiles = ops.reshape(images, (-1, rows, size, columns, size, channels))
    return ops.reshape(
        ops.transpose(tiles, (0, 1, 3, 2, 4, 5)), (-1, rows * columns, size * size * channels)
    )


def unpatchify(patches, size: int, shape: tuple[int, int, int]):
    """Put the tiles of `patchify` together to images of `shape` (height, width, channels)."""
    height, width, channels = shape
    tiles = ops.reshape(patches, (-1, height // size, width // size, size, size, channels))
    return ops.reshape(ops.transpose(tiles, (0, 1, 3, 2, 4, 5)), (-1, *shape))


@keras.saving.register_keras_serializable(package="kerasdl")
class PatchEmbedding(Block):
    """Map each tile of an image to a vector, by the same matrix.

    A transformer reads sequences. Tiles of 16x16 pixels turn an image of 224x224 into a sequence of
    196 vectors. This is a convolution whose stride equals its kernel size; with a smaller stride
    the tiles overlap.

        y_i = patch_i W + b        conv(x; kernel = patch_size, stride = strides), as a sequence

    Args:
        patch_size: int, side of a tile.
        width: int, length of the vector of each tile.
        strides: int, distance of the tiles. By default `patch_size`, which then must divide the
            image's height and width.
        use_bias: bool, whether to add b.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, tiles, width), row by row

    Example:
        >>> PatchEmbedding(16, 768)(keras.ops.ones((1, 224, 224, 3))).shape
        TensorShape([1, 196, 768])

    Reference: Dosovitskiy et al. (2021), An Image is Worth 16x16 Words.
    """

    def __init__(
        self,
        patch_size: int = 16,
        width: int = 768,
        strides: int | None = None,
        use_bias: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.integers(patch_size=patch_size, width=width)
        checks.integers(optional=True, strides=strides)
        checks.flags(use_bias=use_bias)
        self.patch_size = patch_size
        self.width = width
        self.strides = strides
        self.use_bias = use_bias

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        sides = [side for side in input_shape[1:3] if side]
        tiled = self.strides or not any(side % self.patch_size for side in sides)
        if not tiled or min(sides, default=self.patch_size) < self.patch_size:
            kind = "at most" if self.strides else "a divisor of"
            expected = f"{kind} the image's sides {tuple(input_shape[1:3])}"
            raise InvalidInput("value for argument `patch_size`", expected, self.patch_size)
        self.project = layers.Conv2D(
            self.width,
            self.patch_size,
            self.strides or self.patch_size,
            use_bias=self.use_bias,
            name="project",
            dtype=self.dtype_policy,
        )
        self.sequence = layers.Reshape((-1, self.width), name="sequence", dtype=self.dtype_policy)
        self.project.build(input_shape)

    def call(self, inputs):
        return self.sequence(self.project(inputs))  # (batch, tiles, width)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        strides = self.strides or self.patch_size
        rows, columns = (n and (n - self.patch_size) // strides + 1 for n in (height, width))
        return (batch, rows and columns and rows * columns, self.width)
