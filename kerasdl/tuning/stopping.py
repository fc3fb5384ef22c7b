"""What ends a trial before its last epoch."""

import math
import time

import keras


class NotFinite(ArithmeticError):
    """Training got lost: what it reports is no number any more."""


class Finite(keras.callbacks.Callback):
    """Give up at once when a loss or a metric is not finite."""

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs, f"step {batch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs, f"epoch {epoch + 1}")

    def _check(self, logs, when):
        for name, value in (logs or {}).items():
            if not math.isfinite(float(value)):
                raise NotFinite(f"{name} is {float(value)} at {when}")


class Limit(keras.callbacks.Callback):
    """End training after some seconds, within an epoch if need be."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds
        self.reached = False

    def on_train_begin(self, logs=None):
        self.end = time.monotonic() + self.seconds

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() > self.end:
            self.reached = self.model.stop_training = True
