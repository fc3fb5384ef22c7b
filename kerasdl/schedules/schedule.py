"""The base class of schedules."""

import inspect

import keras

from kerasdl.utils import checks


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A function of the step whose public attributes are its constructor's arguments.

    So subclasses need no `get_config`, and loading a compiled model restores its schedule.
    Arguments may be schedules themselves. NumPy's numbers become Python's, which JSON can hold.
    """

    def __setattr__(self, name, value):
        super().__setattr__(name, checks.plain(value))

    def get_config(self):
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return {name: _serialize(value) for name, value in values.items()}

    @classmethod
    def from_config(cls, config):
        return cls(**{name: _deserialize(value) for name, value in config.items()})


def _serialize(value):
    is_schedule = isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
    return keras.saving.serialize_keras_object(value) if is_schedule else value


def _deserialize(value):
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
