"""Numbers, histograms and pictures for TensorBoard; without a folder, for nobody."""

import contextlib
import io

import tensorflow as tf


class Board:
    """A writer of events, which opens its file when there is something to write.

    Args:
        folder: Where TensorBoard looks; `None` to write nothing.
    """

    def __init__(self, folder=None):
        self.folder = folder
        self._writer = None

    @contextlib.contextmanager
    def at(self, step: int):
        """Within it, `tf.summary` writes for a step."""
        if self.folder is None:
            with tf.summary.record_if(False):
                yield
            return
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.folder))
        with self._writer.as_default(step):
            yield
        self._writer.flush()

    def picture(self, name: str, pixels, step: int):
        """An image (height, width, channels) of bytes."""
        with self.at(step):
            tf.summary.image(name, pixels[None])

    def figure(self, name: str, figure, step: int):
        """A matplotlib figure, which is closed."""
        import matplotlib.pyplot as plt

        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=80)
        plt.close(figure)
        self.picture(name, tf.io.decode_png(content.getvalue(), channels=3), step)

    def close(self):
        if self._writer is not None:
            self._writer.close()
            self._writer = None
