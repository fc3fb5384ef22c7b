"""Measure whether training waits for its data."""

import os
import time

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks.event_writer import EventWriter
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


class DataTime(keras.callbacks.Callback):
    """Compare the time that the pipeline needs for a batch with that of a training step.

    The dataset is timed alone, shortly before training. Steps are timed as they run, without the
    first of each epoch. A step cannot be faster than its data: if both take equally long, the
    pipeline is the bottleneck, and `kerasdl.data.throughput` finds its slow stage.

    Timing iterates the dataset once more. If it shuffles differently in each pass, training sees
    another order than without this callback.

    Args:
        dataset: `tf.data.Dataset`, the one that `fit` gets.
        seconds: float, how long to time it, at most 3600.
        log_dir: path of a folder for TensorBoard events; `None` writes none.

    Attributes:
        data_seconds: float, time for a batch without training.
        step_seconds: list, the median time of a step in each epoch.
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        seconds: float = 0.5,
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__()
        checks.datasets(dataset=dataset)
        checks.numbers(above=0, limit=3600, seconds=seconds)
        self.dataset, self.seconds = dataset, seconds
        self.events = EventWriter(log_dir)
        self.step_seconds: list[float] = []

    def on_train_begin(self, logs=None):
        batches, iterator = 0, iter(self.dataset.repeat())
        if next(iterator, None) is None:
            raise InvalidInput("dataset for DataTime", "at least one batch", "none")
        begin = now = time.perf_counter()
        while now - begin < self.seconds:
            next(iterator)
            batches += 1
            now = time.perf_counter()
        self.data_seconds = (now - begin) / batches

    def on_epoch_begin(self, epoch, logs=None):
        self.times = []  # (batch number, time at its end)

    def on_train_batch_end(self, batch, logs=None):
        self.times.append((batch, time.perf_counter()))

    def on_epoch_end(self, epoch, logs=None):
        if len(self.times) < 2:
            return
        batches, times = np.array(self.times).T
        self.step_seconds.append(float(np.median(np.diff(times) / np.diff(batches))))
        with self.events.at(epoch):
            tf.summary.scalar("seconds/step", self.step_seconds[-1])
            tf.summary.scalar("seconds/data", self.data_seconds)

    def on_train_end(self, logs=None):
        self.events.close()

    @property
    def input_fraction(self) -> float:
        """Time for a batch as a fraction of the time of a step; near 1, training waits for data."""
        if not self.step_seconds:
            expected = "an epoch with at least two calls of the training step"
            raise InvalidInput("training for DataTime", expected, "none")
        return min(1.0, self.data_seconds / min(self.step_seconds))
