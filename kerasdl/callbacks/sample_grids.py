"""What a generator makes, epoch after epoch."""

import pathlib

import numpy as np
import tensorflow as tf

from kerasdl.callbacks.epoch_ends import EpochEnds
from kerasdl.errors import InvalidInput

SIDE = 64  # pixels; smaller images are enlarged
GAP = 4


class SampleGrids(EpochEnds):
    """Save a grid of what a function of the model gives, at ends of epochs.

    The same noise every time shows how each picture changes: let `make` use a seed.

    Args:
        make: From the model to images (count, height, width, channels) in [0, 1].
        folder: For epoch-0001.png and so on.
        every: Epochs from one grid to the next; `None` for as many as take little of the time.
        log_dir: A folder for TensorBoard; `None` for none.
    """

    def __init__(self, make, folder, every=None, log_dir=None):
        super().__init__(every, log_dir)
        if not callable(make):
            raise InvalidInput("value for argument `make`", "a function of the model", repr(make))
        self.make, self.folder = make, pathlib.Path(folder)

    def look(self, epoch):
        pixels = _grid(np.asarray(self.make(self.model), "float32"))
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"epoch-{epoch + 1:04d}.png"
        file.write_bytes(tf.io.encode_png(pixels).numpy())
        self.board.picture("samples", pixels, epoch)


def _grid(images):
    """Images side by side as one of bytes, without matplotlib, which takes far longer."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise InvalidInput("images", "shape (count, height, width, 1 or 3)", images.shape)
    count, height, width, channels = images.shape
    larger = max(1, SIDE // max(height, width))
    images = images.repeat(larger, 1).repeat(larger, 2)
    columns = int(np.ceil(count**0.5))
    rows = -(-count // columns)
    empty = rows * columns - count
    images = np.pad(images, ((0, empty), (0, 0), (0, 0), (0, 0)), constant_values=1)
    images = np.pad(images, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=1)
    lines = images.reshape(rows, columns, *images.shape[1:]).swapaxes(1, 2)
    grid = lines.reshape(rows * images.shape[1], columns * images.shape[2], channels)
    return np.rint(255 * np.clip(grid[:-GAP, :-GAP], 0, 1)).astype("uint8")
