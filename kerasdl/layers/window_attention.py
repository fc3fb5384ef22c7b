"""Attention within windows of an image."""

import math

import keras
import numpy as np
from keras import layers, ops

from kerasdl import errors
from kerasdl.layers.block import Block
from kerasdl.layers.relative_position_bias import RelativePositionBias
from kerasdl.layers.self_attention import softmax
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

FAR = -100.0  # added to the score of a pair that must not attend; its weight becomes 0


@keras.saving.register_keras_serializable(package="kerasdl")
class WindowAttention(Block):
    """Self-attention of the pixels of a feature map within windows.

    Attention between all pixels takes time quadratic in their number; within windows of one size
    it is linear. Layers with windows shifted by half a window alternate with others, so that what
    is far apart still meets. A shifted window that wraps around the border keeps its parts apart.

        y = softmax(Q K^T / sqrt(width / heads) + bias of the offset) V        for each window

    Args:
        heads: int, number of heads, a divisor of the channels.
        window: int, side of a window; by default all of the map is one window.
        shift: int, how far the windows are moved down and right, less than `window`. If one window
            covers the map along a side, it is not moved along that side.

    Input and output shape: (batch, height, width, channels). A size that is not a multiple of
    `window` is padded with zeros inside.

    Example:
        >>> WindowAttention(heads=2, window=4)(keras.ops.ones((1, 8, 8, 6))).shape
        TensorShape([1, 8, 8, 6])

    Reference: Liu et al. (2021), Swin Transformer: Hierarchical Vision Transformer using Shifted
    Windows.
    """

    def __init__(self, heads: int, window: int | None = None, shift: int = 0, **kwargs):
        super().__init__(**kwargs)
        checks.integers(heads=heads)
        checks.integers(optional=True, window=window)
        checks.integers(at_least=0, shift=shift)
        checks.check("shift", shift, shift < (window or 1), f"less than the window {window or 1}")
        self.heads = heads
        self.window = window
        self.shift = shift

    def build(self, input_shape):
        checks.inputs(self, input_shape, "batch, height, width, channels", unknown=("batch",))
        _, *size, channels = input_shape
        if channels % self.heads:
            expected = f"a divisor of the {channels} channels"
            raise errors.InvalidInput("value for argument `heads`", expected, self.heads)
        self.sides = (self.window, self.window) if self.window else tuple(size)
        rows, columns = self.sides
        self.padded = tuple(-(-n // side) * side for n, side in zip(size, self.sides, strict=True))
        moved = zip(self.padded, self.sides, strict=True)
        self.shifts = tuple(self.shift if n > side else 0 for n, side in moved)
        self.windows = (self.padded[0] // rows) * (self.padded[1] // columns)
        policy = {"dtype": self.dtype_policy}
        area = rows * columns
        self.bias = RelativePositionBias(self.sides, name="bias", **policy)
        self.bias.build((None, self.heads, area, area))
        self.project = layers.Dense(3 * channels, name="project", **policy)
        self.project.build((None, None, area, channels))
        self.mix = layers.Dense(channels, name="mix", **policy)
        self.mix.build((None, None, area, channels))
        self.far = self._far() if any(self.shifts) else None

    def _far(self):
        """Return (1, windows, heads * area, area): `FAR` for pairs on two sides of a border."""
        parts = np.zeros((1, *self.padded, 1), "int32")
        for axis, (side, shift) in enumerate(zip(self.sides, self.shifts, strict=True), 1):
            size = parts.shape[axis]
            place = np.arange(size).reshape([-1 if i == axis else 1 for i in range(4)])
            parts = 3 * parts + (place >= size - side) + (shift > 0) * (place >= size - shift)
        parts = ops.convert_to_numpy(self.split(parts))[0, :, :, 0]  # (windows, area)
        apart = parts[:, :, None] != parts[:, None]
        return np.where(np.tile(apart, (1, self.heads, 1)), FAR, 0).astype("float32")[None]

    def split(self, maps: Tensor) -> Tensor:
        """(batch, height, width, channels) -> (batch, windows, area, channels)"""
        (height, width), (rows, columns) = self.padded, self.sides
        shape = (-1, height // rows, rows, width // columns, columns * maps.shape[-1])
        tiles = ops.transpose(ops.reshape(maps, shape), (0, 1, 3, 2, 4))
        return ops.reshape(tiles, (-1, self.windows, rows * columns, maps.shape[-1]))

    def join(self, windows: Tensor) -> Tensor:
        """The inverse of `split`."""
        (height, width), (rows, columns) = self.padded, self.sides
        channels = windows.shape[-1]
        shape = (-1, height // rows, width // columns, rows, columns * channels)
        tiles = ops.transpose(ops.reshape(windows, shape), (0, 1, 3, 2, 4))
        return ops.reshape(tiles, (-1, height, width, channels))

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        below, beside = self.padded[0] - height, self.padded[1] - width
        x = inputs
        if below or beside:
            x = ops.pad(x, ((0, 0), (0, below), (0, beside), (0, 0)))
        x = self.split(_roll(x, *self.shifts))

        area, size = x.shape[2], channels // self.heads
        x = ops.reshape(self.project(x), (-1, area, 3 * self.heads, size))  # of all images
        query, key, value = ops.split(ops.transpose(x, (0, 2, 1, 3)), 3, axis=1)
        scores = (query / math.sqrt(size)) @ ops.swapaxes(key, -1, -2)
        scores = self.bias(scores)  # (batch * windows, heads, area, area)
        if self.far is not None:
            by_image = ops.reshape(scores, (-1, self.windows, self.heads * area, area))
            by_image = by_image + ops.cast(self.far, scores.dtype)
            scores = ops.reshape(by_image, (-1, self.heads, area, area))
        x = ops.transpose(softmax(scores) @ value, (0, 2, 1, 3))
        x = self.mix(ops.reshape(x, (-1, self.windows, area, channels)))

        x = _roll(self.join(x), *(-shift for shift in self.shifts))
        return x[:, :height, :width] if below or beside else x

    def compute_output_shape(self, input_shape):
        return input_shape


def _roll(maps, down: int, right: int):
    """Move rows up by `down` and columns to the left by `right`, around the borders."""
    for axis, shift in ((1, down), (2, right)):
        if shift:  # LiteRT has no operator that rolls
            first, rest = ops.split(maps, [shift % maps.shape[axis]], axis=axis)
            maps = ops.concatenate([rest, first], axis=axis)
    return maps
