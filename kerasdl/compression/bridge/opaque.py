"""A tf_keras layer that runs a Keras 3 layer or operation."""

import itertools
import weakref
from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import tree

from kerasdl.compression.bridge.tfmot import OldKerasTensor, tf_keras

COUNTER = itertools.count()


class Call:
    """A Keras 3 operation and its arguments, with marks in place of tensors.

    TFMOT rebuilds layers from their configuration, which can hold strings but no objects. `known`
    maps the string `key` to the object, as long as a layer refers to it.
    """

    known: ClassVar[weakref.WeakValueDictionary[str, Any]] = weakref.WeakValueDictionary()

    def __init__(self, operation, args=(), kwargs=None):
        self.operation = operation
        self.name = getattr(operation, "name", None) or getattr(operation, "__name__", "call")
        self.arguments = template(args, kwargs or {})
        self.key = f"{self.name}#{next(COUNTER)}"
        self.known[self.key] = self

    @property
    def kind(self):
        return type(self.operation).__name__

    @property
    def is_layer(self):
        return isinstance(self.operation, keras.layers.Layer)

    def __call__(self, tensors, training=None):
        tensors = iter(tensors)
        args, kwargs = tree.map_structure(
            lambda x: next(tensors) if x is Tensor else x, self.arguments
        )
        if self.is_layer and self.operation._call_has_training_arg and training is not None:
            kwargs = {"training": training, **kwargs}
        return self.operation(*args, **kwargs)


def template(args, kwargs):
    """Return the arguments with `Tensor` in place of each tensor."""
    return tree.map_structure(lambda x: Tensor if is_tensor(x) else x, (args, kwargs))


class Tensor:
    """Mark of a tensor in a structure of arguments."""


def is_tensor(x):
    return isinstance(x, keras.KerasTensor | OldKerasTensor)


@tf_keras.utils.register_keras_serializable(package="kerasdl")
class Opaque(tf_keras.layers.Layer):
    """Run a Keras 3 operation or layer, with copies of its weights.

    Args:
        key: str, the key of a `Call`.
    """

    def __init__(self, key, **kwargs):
        super().__init__(**kwargs)
        self.key = key
        self._call = Call.known[key]
        self.kind = self._call.kind
        self._supports_masking = self._call.is_layer
        self._compute_output_and_mask_jointly = True  # the Keras 3 layer sets its output's mask

    def build(self, input_shape):
        self.own = []
        if self._call.is_layer:
            trainable = {id(v) for v in self._call.operation.trainable_variables}
            self.own = [
                self.add_weight(
                    name=f"{index}_{variable.name}",
                    shape=variable.shape,
                    dtype=variable.dtype,
                    initializer=_value_of(variable),
                    trainable=id(variable) in trainable,
                )
                for index, variable in enumerate(self._call.operation.variables)
            ]
        super().build(input_shape)

    def call(self, inputs, training=None):
        if tf.is_tensor(training):  # while tf_keras builds its graph
            return tf.cond(training, lambda: self._run(inputs, True), lambda: self._run(inputs))
        return self._run(inputs, bool(training))

    @tf.autograph.experimental.do_not_convert
    def _run(self, inputs, training=False):
        tensors = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if not self._call.is_layer:
            return self._call(tensors)
        variables = self._call.operation.variables
        state = zip(variables, map(tf.convert_to_tensor, self.own), strict=True)
        with keras.StatelessScope(list(state), collect_losses=True) as scope:
            before = dict(scope.state_mapping)
            outputs = self._call(tensors, training)
        if training:
            for loss in scope.losses:
                self.add_loss(loss)
            for variable, own in zip(variables, self.own, strict=True):
                after = scope.get_current_value(variable)
                if after is not before[id(variable)]:  # a moving average, a random state
                    own.assign(tf.cast(after, own.dtype))
        return outputs

    def get_config(self):
        return {**super().get_config(), "key": self.key}


def _value_of(variable):
    return lambda shape, dtype=None, **_: tf.cast(variable.value, dtype or variable.dtype)


def opaque(operation, args=(), kwargs: dict | None = None, name: str | None = None) -> Opaque:
    """Return a new layer for one call of an operation."""
    call = Call(operation, args, kwargs)
    return Opaque(call.key, name=name or call.name)
