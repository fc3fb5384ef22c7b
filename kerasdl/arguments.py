"""One mechanism that gives every network, learner and composite layer its `get_config`.

The configuration holds the constructor's arguments, and which of the layers inside are frozen.
"""

import collections
import functools
import inspect
from collections.abc import Iterator
from typing import Any

import keras

from kerasdl import errors
from kerasdl.utils import checks


class Arguments:
    """Keep the constructor's arguments, so that a saved model or layer comes back with them.

    A subclassed Keras model without `get_config` is saved with its default arguments. A class that
    inherits from this one before `keras.Model` needs none. Arguments may be models, layers,
    schedules and functions that Keras knows.

    Layers inside that are frozen (`trainable = False`) are frozen again in the copy, before its
    optimizer is made: else the copy would train all of them, and lose the optimizer's state.
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
        # Keras tracks what is set after `__init__`; these are not parts of the model
        object.__setattr__(instance, "_arguments", arguments)
        return instance

    # the first is set by `__new__`, the others by Keras
    _arguments: dict[str, Any]
    name: str
    trainable: bool

    def get_config(self) -> dict:
        config = {name: _serialize(value) for name, value in self._arguments.items()}
        config |= {"name": self.name, "trainable": self.trainable}
        differing = [path for path, layer, outer in _walk(self) if layer.trainable != outer]
        return config | ({"trainable_differs": differing} if differing else {})

    @classmethod
    def from_config(cls, config: dict):
        config = {name: _deserialize(value) for name, value in config.items()}
        differing = config.pop("trainable_differs", ())
        trainable = config.pop("trainable", True)
        instance = cls(**config)
        if differing or not trainable:
            after_build(instance, functools.partial(set_trainable, trainable, differing))
        return instance


def after_build(layer: keras.Layer, action):
    """Call `action(layer)` now, and again when the layer has made the layers inside it."""
    action(layer)
    if layer.built:
        return
    build = layer.build

    @functools.wraps(build)  # Keras reads the names of its arguments
    def build_and_act(*args, **kwargs):
        build(*args, **kwargs)
        action(layer)

    object.__setattr__(layer, "build", build_and_act)


def _walk(layer, path="", seen=None) -> Iterator[tuple[str, keras.Layer, bool]]:
    """Each layer inside: its path, itself, and whether the layer around it is trainable.

    A path has a part for each level: the layer's class and how many of that class come before it,
    such as "ResidualBlock_1/Conv2D". Names of layers would differ in the copy.
    """
    seen = {id(layer)} if seen is None else seen
    counted: collections.Counter[str] = collections.Counter()
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        kind = type(inner).__name__
        name = f"{kind}_{counted[kind]}" if counted[kind] else kind
        counted[kind] += 1
        if id(inner) not in seen:
            seen.add(id(inner))
            yield f"{path}{name}", inner, layer.trainable
            yield from _walk(inner, f"{path}{name}/", seen)


def set_trainable(trainable: bool, differing, layer: keras.Layer):
    """Set `trainable` of a layer and of all layers inside it, which differ from it at some paths.

    Setting the outer one is not enough: Keras passes it on only if it changes.
    """
    layer.trainable, unknown = trainable, set(differing)
    for path, inner, outer in _walk(layer):  # outer layers first
        inner.trainable = outer != (path in differing)
        unknown.discard(path)
    if unknown and layer.built:
        expected = f"layers of this {type(layer).__name__}"
        raise errors.InvalidInput("list of frozen layers", expected, ", ".join(sorted(unknown)))


def _serialize(value):
    if isinstance(value, dict):
        return {key: _serialize(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_serialize(part) for part in value]
    known = (keras.Layer, keras.optimizers.schedules.LearningRateSchedule, keras.DTypePolicy)
    is_object = isinstance(value, known) or callable(value)
    return keras.saving.serialize_keras_object(value) if is_object else checks.plain(value)


def _deserialize(value):
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    if isinstance(value, dict):
        return {key: _deserialize(part) for key, part in value.items()}
    return tuple(map(_deserialize, value)) if isinstance(value, list) else value
