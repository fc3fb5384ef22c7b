"""Patch embedding: an image becomes a sentence, each of its tiles a word."""

import keras
from keras import layers, ops

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


def patchify(images, size):
    """Cut images to tiles: (batch, height, width, channels) -> (batch, tiles, size^2 channels)."""
    _, height, width, channels = images.shape
    rows, columns = height // size, width // size
    tiles = ops.reshape(images, (-1, rows, size, columns, size, channels))
    return ops.reshape(
        ops.transpose(tiles, (0, 1, 3, 2, 4, 5)), (-1, rows * columns, size * size * channels)
    )


def unpatchify(patches, size, shape):
    """Put the tiles of `patchify` together again to images of `shape` (height, width, channels)."""
    height, width, channels = shape
    tiles = ops.reshape(patches, (-1, height // size, width // size, size, size, channels))
    return ops.reshape(ops.transpose(tiles, (0, 1, 3, 2, 4, 5)), (-1, *shape))


@keras.saving.register_keras_serializable(package="kerasdl")
class PatchEmbedding(layers.Layer):
    """Map every tile of an image to a vector, by the same matrix.

    A transformer reads sequences. Cutting an image into tiles of 16x16 pixels makes one of 196
    from 224x224. A convolution whose stride is its kernel's size does just that.

        y_i = patch_i W + b        conv(x; kernel = stride = patch_size), its grid as a list

    Args:
        patch_size: Side of a tile, a divisor of the image's height and width.
        width: Numbers that stand for a tile.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, tiles, width), row by row

    Example:
        >>> PatchEmbedding(16, 768)(keras.ops.ones((1, 224, 224, 3))).shape
        TensorShape([1, 196, 768])

    Spec: TRF-47, TRF-48, TRF-49
    Reference: Dosovitskiy et al. (2021), An Image is Worth 16x16 Words.
    """

    def __init__(self, patch_size=16, width=768, **kwargs):
        super().__init__(**kwargs)
        checks.integers(patch_size=patch_size, width=width)
        self.patch_size = patch_size
        self.width = width

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels")
        if any(side and side % self.patch_size for side in input_shape[1:3]):
            raise InvalidInput(
                "value for argument `patch_size`",
                f"a divisor of the image's sides {input_shape[1:3]}",
                self.patch_size,
            )
        self.project = layers.Conv2D(
            self.width, self.patch_size, self.patch_size, name="project", dtype=self.dtype_policy
        )
        self.sequence = layers.Reshape((-1, self.width), name="sequence", dtype=self.dtype_policy)
        self.project.build(input_shape)

    def call(self, inputs):
        return self.sequence(self.project(inputs))  # (batch, tiles, width)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        known = height and width
        tiles = (height // self.patch_size) * (width // self.patch_size) if known else None
        return (batch, tiles, self.width)
