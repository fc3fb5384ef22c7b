"""Linear warm-up before any schedule."""

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class WarmUp(Schedule):
    """Rise linearly from 0 to the start of another schedule, which then begins at its own step 0.

        eta_t = s(0) t / w    for t < w,        s(t - w)    afterwards

    The gradients of the first steps are large and change quickly, and Adam's averages cover few of
    them. A small learning rate limits the harm of these steps, which matters most with large
    batches.

    Args:
        schedule: `LearningRateSchedule`, or a float for a constant learning rate.
        warm_up_steps: int, the number w of steps that the rise takes.

    Example:
        >>> schedule = WarmUp(keras.optimizers.schedules.CosineDecay(0.1, 100), warm_up_steps=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 60, 110, 500)]
        [0.0, 0.05, 0.1, 0.05, 0.0, 0.0]

    Reference: Goyal et al. (2017), Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour.
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule | float,
        warm_up_steps: int,
    ):
        checks.numbers(above=0, limit=checks.MOST_STEPS, warm_up_steps=warm_up_steps)
        is_schedule = callable(schedule) and not isinstance(schedule, type)
        is_rate = checks.is_number(schedule) and schedule > 0
        expected = "a schedule or a number above 0"
        checks.check("schedule", schedule, is_schedule or is_rate, expected)
        if is_rate:
            checks.learning_rates(schedule=schedule)
        self.schedule = schedule
        self.warm_up_steps = warm_up_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rise = self._schedule_at(0.0) * step / self.warm_up_steps
        after = self._schedule_at(keras.ops.maximum(step - self.warm_up_steps, 0.0))
        return keras.ops.where(step < self.warm_up_steps, rise, after)

    def _schedule_at(self, step):
        return self.schedule(step) if callable(self.schedule) else self.schedule
