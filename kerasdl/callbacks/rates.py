"""Lowering a learning rate, whatever it follows."""

import keras

from kerasdl.schedules.schedule import Schedule


@keras.saving.register_keras_serializable(package="kerasdl")
class Scaled(Schedule):
    """Another schedule's rate times a factor.

    Example:
        >>> schedule = keras.optimizers.schedules.CosineDecay(0.4, decay_steps=10)
        >>> round(float(Scaled(schedule, 0.5)(0)), 6)
        0.2
    """

    def __init__(self, schedule, factor):
        super().__init__()
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step):
        return self.factor * self.schedule(step)


def lower(optimizer: keras.Optimizer, factor: float):
    """Multiply the optimizer's rate; what `fit` traced with the old one is to be made anew."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = inner.get_config()["learning_rate"]
    if not isinstance(rate, dict):
        inner.learning_rate = rate * factor
        return
    schedule = keras.saving.deserialize_keras_object(rate)
    if isinstance(schedule, Scaled):
        schedule, factor = schedule.schedule, schedule.factor * factor
    inner.learning_rate = Scaled(schedule, factor)
