"""Whether the network waits for its data."""

import time

import keras
import numpy as np
import tensorflow as tf

from kerasdl import checks
from kerasdl.callbacks.board import Board
from kerasdl.errors import InvalidInput


class DataTime(keras.callbacks.Callback):
    """Compare how long a batch takes to come with how long a step takes with it.

    The data set is measured alone, for a moment before training; steps are timed as they run, the
    first of each epoch left out. A step can be no faster than its data: where the two are alike,
    the pipeline decides. `kerasdl.data.throughput` then tells which of its stages.

    To be measured is to be passed through once more: a data set that shuffles anew in each pass
    gives the training other orders than it would have had.

    Args:
        dataset: What `fit` gets.
        seconds: How long it is measured.
        log_dir: A folder for TensorBoard; `None` for none.

    Attributes:
        data_seconds: For a batch, alone.
        step_seconds: Of each epoch the median.

    Spec: DBG-21, DAT-28
    """

    def __init__(self, dataset: tf.data.Dataset, seconds=0.5, log_dir=None):
        super().__init__()
        if not isinstance(dataset, tf.data.Dataset):
            expected, received = "a tf.data.Dataset", type(dataset).__name__
            raise InvalidInput("value for argument `dataset`", expected, received)
        checks.argument("seconds", seconds, checks.ABOVE_ZERO)
        self.dataset, self.seconds = dataset, seconds
        self.board = Board(log_dir)
        self.step_seconds = []

    def on_train_begin(self, logs=None):
        batches, iterator = 0, iter(self.dataset.repeat())
        if next(iterator, None) is None:
            raise InvalidInput("data set for DataTime", "at least one batch", "none")
        begin = now = time.perf_counter()
        while now - begin < self.seconds:
            next(iterator)
            batches += 1
            now = time.perf_counter()
        self.data_seconds = (now - begin) / batches

    def on_epoch_begin(self, epoch, logs=None):
        self.times = []  # (batch, when it was done)

    def on_train_batch_end(self, batch, logs=None):
        self.times.append((batch, time.perf_counter()))

    def on_epoch_end(self, epoch, logs=None):
        if len(self.times) < 2:
            return
        batches, times = np.array(self.times).T
        self.step_seconds.append(float(np.median(np.diff(times) / np.diff(batches))))
        with self.board.at(epoch):
            tf.summary.scalar("seconds/step", self.step_seconds[-1])
            tf.summary.scalar("seconds/data", self.data_seconds)

    def on_train_end(self, logs=None):
        self.board.close()

    @property
    def input_share(self) -> float:
        """What part of a step its data would fill: near 1, the network waits."""
        if not self.step_seconds:
            expected = "an epoch with at least two calls of the training step"
            raise InvalidInput("training for DataTime", expected, "none")
        return min(1.0, self.data_seconds / min(self.step_seconds))
