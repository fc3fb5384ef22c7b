"""Write scalars, histograms and images for TensorBoard."""

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasdl.utils import checks


class EventWriter:
    """Write TensorBoard events; does nothing if `folder` is None.

    The file is opened by the first event.

    Args:
        folder: path of TensorBoard's log folder, or `None`.
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        checks.paths(log_dir=folder, optional=True)  # the argument's name in all callbacks
        self.folder = folder
        self._writer: Any = None  # a `tf.summary.SummaryWriter`

    @contextlib.contextmanager
    def at(self, step: int) -> Iterator[None]:
        """Let calls of `tf.summary` inside the `with` block write for this step."""
        if self.folder is None:
            with tf.summary.record_if(False):
                yield
            return
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.folder))
        with self._writer.as_default(step):
            yield
        self._writer.flush()

    def image(self, name: str, pixels: np.ndarray | tf.Tensor, step: int):
        """Write an image of bytes, shape (height, width, channels)."""
        with self.at(step):
            tf.summary.image(name, pixels[None])

    def figure(self, name: str, figure, step: int):
        """Write a matplotlib figure as an image, and close it."""
        import matplotlib.pyplot as plt

        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=80)
        plt.close(figure)
        self.image(name, tf.io.decode_png(content.getvalue(), channels=3), step)

    def close(self):
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
