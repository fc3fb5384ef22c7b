"""What a generator makes, epoch after epoch."""

import pathlib

import keras
import numpy as np

from kerasdl.callbacks.board import Board


class SampleGrids(keras.callbacks.Callback):
    """Save a grid of what a function of the model gives, at ends of epochs.

    The same noise every time shows how each picture changes: let `make` use a seed.

    Args:
        make: From the model to images (count, height, width, channels) in [0, 1].
        folder: For epoch-0001.png and so on.
        every: Epochs from one grid to the next.
        log_dir: A folder for TensorBoard; `None` for none.
    """

    def __init__(self, make, folder, every=1, log_dir=None):
        super().__init__()
        self.make, self.every = make, every
        self.folder = pathlib.Path(folder)
        self.board = Board(log_dir)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        from kerasdl import explain

        figure = explain.samples(np.asarray(self.make(self.model)))
        self.folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(self.folder / f"epoch-{epoch + 1:04d}.png", dpi=100)
        self.board.picture("samples", figure, epoch)

    def on_train_end(self, logs=None):
        self.board.close()
