"""What the schedules share: a configuration of the constructor's arguments."""

import inspect

import keras

from kerasdl import checks


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A function of the step, a number or a tensor, whose public attributes are its arguments.

    So it is saved with a compiled model and comes back; the notes' class has no `get_config`.

    Spec: SCH-15
    """

    def get_config(self):
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return {name: _serialize(value) for name, value in values.items()}

    @classmethod
    def from_config(cls, config):
        return cls(**{name: _deserialize(value) for name, value in config.items()})


def positive(**numbers):
    """Raise unless all of these are above 0."""
    for name, number in numbers.items():
        checks.argument(name, number, checks.ABOVE_ZERO)


def _serialize(value):
    is_schedule = isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
    return keras.saving.serialize_keras_object(value) if is_schedule else value


def _deserialize(value):
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
