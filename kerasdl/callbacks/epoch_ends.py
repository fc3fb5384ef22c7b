"""Looking at a model at ends of epochs, without anybody waiting for it."""

import time

import keras

from kerasdl import checks
from kerasdl.callbacks.board import Board

SHARE = 1 / 30  # of the training's time


class EpochEnds(keras.callbacks.Callback):
    """Calls `look(epoch)` at ends of epochs, and notes in `epochs` which.

    By default an epoch is left out when all looks together took more than a thirtieth of the time
    so far; never the last one.

    Args:
        every: Epochs from one look to the next; `None` for as many as the time allows.
        log_dir: A folder for TensorBoard; `None` for none.
    """

    def __init__(self, every=None, log_dir=None):
        super().__init__()
        checks.argument("every", every, checks.OPTIONAL)
        self.every = every
        self.board = Board(log_dir)
        self.epochs, self.spent = [], 0.0

    def on_train_begin(self, logs=None):
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        last = epoch + 1 == (self.params or {}).get("epochs")
        if self.every:
            due = (epoch + 1) % self.every == 0
        else:
            due = last or self.spent <= SHARE * (now - self.begin)
        if due:
            self.epochs.append(epoch)
            self.look(epoch)
            self.spent += time.perf_counter() - now

    def look(self, epoch):
        raise NotImplementedError

    def on_train_end(self, logs=None):
        self.board.close()
