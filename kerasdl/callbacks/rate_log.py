"""The learning rate, as it was."""

import keras
import numpy as np

from kerasdl import checks
from kerasdl.callbacks import state


class RateLog(keras.callbacks.Callback):
    """Put the learning rate into the history, and keep it for some of the steps of each epoch.

    A schedule is a function of the iteration: it is asked when someone looks, not while training.
    What others set from outside has to be read at once, which a short step feels.

    Args:
        name: What the history calls it.
        every: Executions of steps from one record to the next; the first of an epoch is the first.

    Attributes:
        iterations: Of the optimizer, at the ends of the recorded executions.
    """

    def __init__(self, name="learning_rate", every=10):
        super().__init__()
        checks.arguments(every=every)
        self.name, self.every = name, every
        self.iterations, self._read = [], []

    def on_train_begin(self, logs=None):
        optimizer = state.optimizers_of(self.model)[0]
        self.optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        self.schedule = getattr(self.optimizer, "_learning_rate", None)
        self.scheduled = isinstance(self.schedule, keras.optimizers.schedules.LearningRateSchedule)
        self.iteration = int(np.array(self.optimizer.iterations))

    def on_epoch_begin(self, epoch, logs=None):
        self.batch, self.executions = -1, 0

    def on_train_batch_end(self, batch, logs=None):
        self.iteration += batch - self.batch
        self.batch = batch
        if self.executions % self.every == 0:
            self.iterations.append(self.iteration)
            if not self.scheduled:
                self._read.append(self._now())
        self.executions += 1

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs[self.name] = self._now()

    def _now(self):
        # an array, for a variable on several devices is no number
        return float(np.array(self.optimizer.learning_rate))

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
