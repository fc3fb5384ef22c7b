"""A rise from nothing, before any schedule."""

import keras

from kerasdl import checks
from kerasdl.errors import InvalidInput
from kerasdl.schedules.schedule import Schedule, positive


@keras.saving.register_keras_serializable(package="kerasdl")
class WarmUp(Schedule):
    """A line from 0 to where another schedule starts, which then begins at its own step 0.

    First gradients are large and soon others, and Adam's averages know little yet. Small steps keep
    them from doing harm, the more so the larger the batch and its rate.

    eta_t = s(0) t / w for t < w, and s(t - w) afterwards

    Args:
        schedule: A schedule, or a constant learning rate.
        warm_up_steps: How many steps the rise takes.

    >>> rate = WarmUp(keras.optimizers.schedules.CosineDecay(0.1, 100), warm_up_steps=10)
    >>> [round(float(rate(step)), 3) for step in (0, 5, 10, 60, 110, 500)]
    [0.0, 0.05, 0.1, 0.05, 0.0, 0.0]

    Reference: Goyal et al., Accurate, Large Minibatch SGD, 2017.
    """

    def __init__(self, schedule, warm_up_steps):
        positive(warm_up_steps=warm_up_steps)
        is_number, expected = checks.ABOVE_ZERO
        is_schedule = callable(schedule) and not isinstance(schedule, type)
        if not is_schedule and not is_number(schedule):
            expected = f"a schedule or {expected}"
            raise InvalidInput("value for argument `schedule`", expected, repr(schedule))
        self.schedule = schedule
        self.warm_up_steps = warm_up_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rise = self._after(0.0) * step / self.warm_up_steps
        after = self._after(keras.ops.maximum(step - self.warm_up_steps, 0.0))
        return keras.ops.where(step < self.warm_up_steps, rise, after)

    def _after(self, step):
        return self.schedule(step) if callable(self.schedule) else self.schedule
