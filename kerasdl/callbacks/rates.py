"""Lower a learning rate, also one that follows a schedule."""

import keras

from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class Scaled(Schedule):
    """The learning rate of another schedule times a factor.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`.
        factor: float, above 0.

    Example:
        >>> schedule = keras.optimizers.schedules.CosineDecay(0.4, decay_steps=10)
        >>> round(float(Scaled(schedule, 0.5)(0)), 6)
        0.2
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, factor: float):
        super().__init__()
        checks.callables(schedule=schedule)
        checks.numbers(above=0, factor=factor)
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step):
        return self.factor * self.schedule(step)


def lower(optimizer: keras.Optimizer, factor: float):
    """Multiply the learning rate of an optimizer, or that of its schedule, by a factor.

    A training step that was traced with the old learning rate must be traced again: set
    `model.train_function = None`.

    Args:
        optimizer: `keras.Optimizer`; a LossScaleOptimizer passes it on to its inner one.
        factor: float, above 0.
    """
    checks.numbers(above=0, factor=factor)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    learning_rate = inner.get_config()["learning_rate"]
    if not isinstance(learning_rate, dict):
        inner.learning_rate = learning_rate * factor
        return
    schedule = keras.saving.deserialize_keras_object(learning_rate)
    if isinstance(schedule, Scaled):
        schedule, factor = schedule.schedule, schedule.factor * factor
    inner.learning_rate = Scaled(schedule, factor)
