"""Record the learning rate."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasdl.callbacks import state
from kerasdl.utils import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class RateLog(keras.callbacks.Callback):
    """Add the learning rate to the history of each epoch, and record it during epochs.

    A schedule is a function of the iteration, so it is evaluated only when `rates` is read. A
    learning rate that other callbacks set must be read at once, which slows short steps. Of several
    optimizers, the first that takes a step is recorded.

    Args:
        name: str, the name in the history.
        every: int, calls of the training step from one record to the next, counted from the first
            of each epoch.

    Attributes:
        iterations: list, the optimizer's iteration after each recorded call.
    """

    def __init__(self, name: str = "learning_rate", every: int = 10):
        super().__init__()
        checks.texts(name=name)
        checks.integers(every=every)
        self.name, self.every = name, every
        self.iterations: list[int] = []
        self._read: list[Any] = []
        self.schedule: Any = None

    def on_train_begin(self, logs=None):
        found = [getattr(o, "inner_optimizer", o) for o in state.optimizers_of(self.model)]
        self.begun = [(optimizer, _number(optimizer._iterations)) for optimizer in found]
        self.iterations, self._read, self.optimizer = [], [], None

    def on_epoch_begin(self, epoch, logs=None):
        self.calls = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.calls % self.every == 0:
            if self.optimizer is None:
                self._choose_optimizer()
            self.iterations.append(int(_number(self.optimizer._iterations)))
            if not self.schedule:
                self._read.append(_number(self.optimizer.learning_rate))
        self.calls += 1

    def _choose_optimizer(self):
        moved = [o for o, begin in self.begun if _number(o._iterations) != begin]
        self.optimizer = (moved or [optimizer for optimizer, _ in self.begun])[0]
        learning_rate = getattr(self.optimizer, "_learning_rate", None)
        scheduled = isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule)
        self.schedule = learning_rate if scheduled else None

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and self.optimizer is not None:
            logs[self.name] = _number(self.optimizer.learning_rate)

    @property
    def rates(self) -> np.ndarray:
        """The learning rate at each of `iterations`."""
        if not self.schedule:
            return np.array(self._read)
        return np.array([float(self.schedule(iteration)) for iteration in self.iterations])

    def figure(self) -> "Figure":
        """Plot the learning rate over the iterations."""
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
        axis.plot(self.iterations, self.rates)
        axis.set(xlabel="step", ylabel="learning rate")
        return figure


def _number(variable):
    value = getattr(variable, "value", variable)
    # under MirroredStrategy, one equal value for each replica
    return float(getattr(value, "values", [value])[0])
