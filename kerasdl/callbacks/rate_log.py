"""The learning rate, as it was."""

import keras
import numpy as np

from kerasdl import checks
from kerasdl.callbacks import state


class RateLog(keras.callbacks.Callback):
    """Put the learning rate into the history, and keep it for some of the steps of each epoch.

    A schedule is a function of the iteration: it is asked when someone looks, not while training.
    What others set from outside has to be read at once, which a short step feels. Of several
    optimizers the first that takes a step is followed.

    Args:
        name: What the history calls it.
        every: Executions of steps from one record to the next; the first of an epoch is the first.

    Attributes:
        iterations: The optimizer's own count at the ends of the recorded executions.
    """

    def __init__(self, name="learning_rate", every=10):
        super().__init__()
        checks.arguments(every=every)
        self.name, self.every = name, every
        self.iterations, self._read, self.schedule = [], [], None

    def on_train_begin(self, logs=None):
        found = [getattr(o, "inner_optimizer", o) for o in state.optimizers_of(self.model)]
        self.begun = [(optimizer, _number(optimizer._iterations)) for optimizer in found]
        self.iterations, self._read, self.optimizer = [], [], None

    def on_epoch_begin(self, epoch, logs=None):
        self.executions = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.executions % self.every == 0:
            if self.optimizer is None:
                self._choose()
            self.iterations.append(int(_number(self.optimizer._iterations)))
            if not self.schedule:
                self._read.append(_number(self.optimizer.learning_rate))
        self.executions += 1

    def _choose(self):
        moved = [o for o, begin in self.begun if _number(o._iterations) != begin]
        self.optimizer = (moved or [optimizer for optimizer, _ in self.begun])[0]
        rate = getattr(self.optimizer, "_learning_rate", None)
        scheduled = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        self.schedule = rate if scheduled else None

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and self.optimizer is not None:
            logs[self.name] = _number(self.optimizer.learning_rate)

    @property
    def rates(self) -> np.ndarray:
        """The rate of each of `iterations`."""
        if not self.schedule:
            return np.array(self._read)
        return np.array([float(self.schedule(iteration)) for iteration in self.iterations])

    def figure(self):
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
        axis.plot(self.iterations, self.rates)
        axis.set(xlabel="step", ylabel="learning rate")
        return figure


def _number(variable):
    value = getattr(variable, "value", variable)
    return float(getattr(value, "values", [value])[0])  # on several devices all are the same
