"""What a generator makes, epoch after epoch."""

import pathlib

import numpy as np

from kerasdl.callbacks.epoch_ends import EpochEnds


class SampleGrids(EpochEnds):
    """Save a grid of what a function of the model gives, at ends of epochs.

    The same noise every time shows how each picture changes: let `make` use a seed.

    Args:
        make: From the model to images (count, height, width, channels) in [0, 1].
        folder: For epoch-0001.png and so on.
        every: Epochs from one grid to the next; `None` for as many as take a twentieth of the time.
        log_dir: A folder for TensorBoard; `None` for none.
    """

    def __init__(self, make, folder, every=None, log_dir=None):
        super().__init__(every, log_dir)
        self.make, self.folder = make, pathlib.Path(folder)

    def look(self, epoch):
        from kerasdl import explain

        figure = explain.samples(np.asarray(self.make(self.model)))
        self.folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(self.folder / f"epoch-{epoch + 1:04d}.png", dpi=100)
        self.board.picture("samples", figure, epoch)
