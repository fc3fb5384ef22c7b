"""The learning rate of every step, as it was."""

import keras
import numpy as np

from kerasdl.callbacks import state


class RateLog(keras.callbacks.Callback):
    """Put the learning rate into the history, and keep it for each execution of steps.

    A schedule is a function of the iteration: it is asked when someone looks, not while training.

    Args:
        name: What the history calls it.

    Attributes:
        iterations: Of the optimizer, at the end of each execution.
    """

    def __init__(self, name="learning_rate"):
        super().__init__()
        self.name = name
        self.iterations, self._read = [], []

    def on_train_begin(self, logs=None):
        optimizer = state.optimizers_of(self.model)[0]
        self.optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        self.schedule = getattr(self.optimizer, "_learning_rate", None)
        self.scheduled = isinstance(self.schedule, keras.optimizers.schedules.LearningRateSchedule)
        self.before = int(self.optimizer.iterations) - len(self.iterations)
        self.batch = -1

    def on_epoch_begin(self, epoch, logs=None):
        self.batch = -1

    def on_train_batch_end(self, batch, logs=None):
        first = self.iterations[-1] if self.iterations else self.before
        self.iterations.append(first + batch - self.batch)
        self.batch = batch
        if not self.scheduled:  # others set it from outside
            self._read.append(self.optimizer.learning_rate)
            self._read[-1] = float(self._read[-1])

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs[self.name] = float(self.optimizer.learning_rate)

    @property
    def rates(self) -> np.ndarray:
        """The rate of each of `iterations`."""
        if not self.scheduled:
            return np.array(self._read)
        return np.array([float(self.schedule(iteration)) for iteration in self.iterations])

    def figure(self):
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
        axis.plot(self.iterations, self.rates)
        axis.set(xlabel="step", ylabel="learning rate")
        return figure
