"""The base class of callbacks that record something at the end of some epochs."""

import abc
import os
import time

import keras

from kerasdl.callbacks.event_writer import EventWriter
from kerasdl.utils import checks

TIME_FRACTION = 1 / 30  # of the training time may be spent on recording


class EpochCallback(keras.callbacks.Callback, abc.ABC):
    """Call `record(epoch)` at the end of some epochs and list them in `epochs`.

    By default an epoch is skipped while recording has taken more than a thirtieth of the time since
    training began. The last epoch is never skipped.

    Args:
        every: int, epochs from one record to the next; by default (`None`) as the time allows.
        log_dir: path of a folder for TensorBoard events; `None` writes none.
    """

    def __init__(self, every: int | None = None, log_dir: str | os.PathLike | None = None):
        super().__init__()
        checks.integers(every=every, optional=True)
        self.every = every
        self.events = EventWriter(log_dir)
        self.epochs: list[int] = []
        self.seconds_spent = 0.0

    def on_train_begin(self, logs=None):
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        last = epoch + 1 == (self.params or {}).get("epochs")
        if self.every:
            due = (epoch + 1) % self.every == 0
        else:
            due = last or self.seconds_spent <= TIME_FRACTION * (now - self.begin)
        if due:
            self.epochs.append(epoch)
            self.record(epoch)
            self.seconds_spent += time.perf_counter() - now

    @abc.abstractmethod
    def record(self, epoch: int):
        """Record something after an epoch; subclasses implement it."""

    def on_train_end(self, logs=None):
        self.events.close()
