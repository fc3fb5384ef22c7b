"""Save images that a generator makes, epoch by epoch."""

import os
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks.epoch_callback import EpochCallback
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

SIDE = 64  # pixels; smaller images are enlarged
GAP = 4  # pixels between images


class SampleGrids(EpochCallback):
    """Save a grid of generated images at the end of epochs.

    Let `make` use a fixed seed: with the same noise, the grids show how each image changes.

    Args:
        make: function that takes the model and returns images in [0, 1], shape (count, height,
            width, 1 or 3).
        folder: path of the folder for epoch-0001.png and so on.
        every: int, epochs from one grid to the next; by default (`None`) as many as take little of
            the training time.
        log_dir: path of a folder for TensorBoard events; `None` writes none.
    """

    def __init__(
        self,
        make: Callable[[keras.Model], np.ndarray],
        folder: str | os.PathLike,
        every: int | None = None,
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__(every, log_dir)
        checks.callables(make=make)
        checks.paths(folder=folder)
        self.make, self.folder = make, pathlib.Path(folder)

    def record(self, epoch):
        pixels = _grid(np.asarray(self.make(self.model), "float32"))
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"epoch-{epoch + 1:04d}.png"
        file.write_bytes(tf.io.encode_png(pixels).numpy())
        self.events.image("samples", pixels, epoch)


def _grid(images):
    """Images side by side in one image of bytes. Matplotlib would take far longer."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise InvalidInput("images", "shape (count, height, width, 1 or 3)", images.shape)
    count, height, width, channels = images.shape
    factor = max(1, SIDE // max(height, width))
    images = images.repeat(factor, 1).repeat(factor, 2)
    columns = int(np.ceil(count**0.5))
    rows = -(-count // columns)
    empty = rows * columns - count
    images = np.pad(images, ((0, empty), (0, 0), (0, 0), (0, 0)), constant_values=1)
    images = np.pad(images, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=1)
    lines = images.reshape(rows, columns, *images.shape[1:]).swapaxes(1, 2)
    grid = lines.reshape(rows * images.shape[1], columns * images.shape[2], channels)
    return np.rint(255 * np.clip(grid[:-GAP, :-GAP], 0, 1)).astype("uint8")
