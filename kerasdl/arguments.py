"""One mechanism that gives every network and learner its `get_config`."""

import inspect

import keras

from kerasdl.utils import checks


class Arguments:
    """Keeps the constructor's arguments, so that a saved model comes back with them.

    A subclassed Keras model without `get_config` is saved with its default arguments. A class that
    inherits from this one before `keras.Model` needs none; arguments may be models and schedules.
    """

    def __new__(cls, *args, **kwargs):
        instance = super().__new__(cls)
        # partial: Keras calls `cls.__new__(cls)` once more when it makes the class a functional one
        bound = inspect.signature(cls.__init__).bind_partial(instance, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        del arguments["self"]
        arguments.update(arguments.pop("kwargs", {}))
        checks.model_options(**arguments)
        # Keras tracks what is set after `__init__`; these are no parts of the model
        object.__setattr__(instance, "_arguments", arguments)
        return instance

    def get_config(self):
        return {
            **{name: _serialize(value) for name, value in self._arguments.items()},
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{name: _deserialize(value) for name, value in config.items()})


def _serialize(value):
    if isinstance(value, (list, tuple)):
        return [_serialize(part) for part in value]
    is_object = isinstance(value, (keras.Model, keras.optimizers.schedules.LearningRateSchedule))
    return keras.saving.serialize_keras_object(value) if is_object else value


def _deserialize(value):
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return tuple(map(_deserialize, value)) if isinstance(value, list) else value
