"""Two schedules, one after the other."""

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class Joined(Schedule):
    """The learning rate of one schedule and, from a step on, of another one at its own step 0.

        eta_t = s_1(t)    for t < n,        s_2(t - n)    afterwards

    Args:
        first: `keras.optimizers.schedules.LearningRateSchedule`.
        second: The same.
        step: int, n, the first step of the second schedule.

    Example:
        >>> cosine = keras.optimizers.schedules.CosineDecay(0.4, decay_steps=10)
        >>> lower = keras.optimizers.schedules.CosineDecay(0.2, decay_steps=10)
        >>> schedule = Joined(cosine, lower, 10)
        >>> [round(float(schedule(step)), 6) for step in (0, 5, 10, 15, 20)]
        [0.4, 0.2, 0.2, 0.1, 0.0]
    """

    def __init__(
        self,
        first: keras.optimizers.schedules.LearningRateSchedule,
        second: keras.optimizers.schedules.LearningRateSchedule,
        step: int,
    ):
        super().__init__()
        checks.callables(first=first, second=second)
        checks.integers(step=step)
        self.first = first
        self.second = second
        self.step = step

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        after = self.second(keras.ops.maximum(step - self.step, 0.0))
        return keras.ops.where(step < self.step, self.first(step), after)
