"""A tf_keras network that Keras 3 trains.

Nothing is translated: Keras 3 runs the steps, so its losses, optimizers, schedules, metrics and
callbacks do what they always do.
"""

import dataclasses

import keras
import tensorflow as tf
from keras import tree

from kerasdl.compression.bridge import graph
from kerasdl.errors import InvalidInput

STEPS_PER_EXECUTION = 8


class Hosted(keras.layers.Layer):
    """A tf_keras network as one Keras 3 layer, which shares its variables.

    Args:
        network: The tf_keras network.
        twins: The Keras 3 variables that some of its variables stand for, by the latter's `id`:
            what is frozen, constrained or regularized there is so here.
        frozen: Those of them that do not learn, though they may change.
        keep_zeros: Those of them whose zeros stay.
    """

    def __init__(self, network, twins, frozen=(), keep_zeros=(), **kwargs):
        super().__init__(trainable=True, **kwargs)
        self.network = network
        trainable = {id(variable) for variable in network.trainable_variables}
        self.parts = []
        for number, variable in enumerate(network.variables):
            twin = twins.get(id(variable))
            learns = twin is None or (twin.trainable and not _holds(frozen, twin))
            part = keras.Variable(  # of a tf.Variable, it is the same one
                variable,
                dtype=variable.dtype.name,
                trainable=id(variable) in trainable and learns,
                name=f"{number}_{variable.name.split(':')[0].replace('/', '_')}",
            )
            if twin is not None:
                part.constraint, part.regularizer = twin.constraint, twin.regularizer
                if _holds(keep_zeros, twin):
                    part.constraint = KeepZeros(variable, twin.constraint)
            self.parts.append(part)

    def call(self, inputs, training=False):
        outputs = self.network(inputs, training=bool(training))
        for loss in self.network.losses:
            self.add_loss(loss)
        return outputs


def _holds(variables, variable):
    return any(variable is other for other in variables)


class KeepZeros:
    """A constraint: what is zero now stays zero."""

    def __init__(self, variable, before=None):
        self.mask = tf.cast(tf.not_equal(variable, 0), variable.dtype)
        self.before = before or (lambda value: value)

    def __call__(self, value):
        return self.before(value) * self.mask


def host(network, model, frozen=(), keep_zeros=()) -> keras.Model:
    """A Keras 3 model with the inputs and outputs of `model` that computes what `network` does.

    Args:
        network: What TFMOT made of `to_tf_keras(model)`.
        model: The flat Keras 3 model.
        frozen: Variables of `model` that do not learn.
        keep_zeros: Variables of `model` whose zeros stay.
    """
    twins = {id(twin): variable for variable, twin in graph.pairs(model, network)}
    layer = Hosted(network, twins, frozen, keep_zeros, name=f"hosted_{model.name}")
    inputs = tree.map_structure(_input, model._inputs_struct)
    outputs = tree.flatten(layer(tree.flatten(inputs)))
    outputs = [
        keras.layers.Identity(name=name)(output)  # a dict of losses goes by these names
        for name, output in zip(model.output_names, outputs, strict=True)
    ]
    outputs = tree.pack_sequence_as(model._outputs_struct, outputs)
    return keras.Model(inputs, outputs, name=model.name)


def _input(tensor):
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


@dataclasses.dataclass(frozen=True)
class Objective:
    """How a network learns: what `compile` takes, with an optimizer that starts anew each time."""

    optimizer: object
    loss: object
    options: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, model, optimizer=None, loss=None, metrics=None):
        """Of a compiled model, unless something else is given."""
        compiled = model._compile_config.config if model.compiled else {}
        optimizer = optimizer or compiled.get("optimizer")
        loss = loss if loss is not None else compiled.get("loss")
        if loss is None or optimizer is None:
            expected = "a model compiled with a loss, or the arguments `loss` and `optimizer`"
            received = "no loss" if loss is None else "no optimizer"
            raise InvalidInput(f"model `{model.name}`", expected, received)
        options = {k: compiled.get(k) for k in ("loss_weights", "metrics", "weighted_metrics")}
        if metrics is not None:
            options["metrics"] = metrics
        return cls(keras.optimizers.get(optimizer), loss, options)

    def compile(self, model, callbacks=()):
        """Compile a model to learn this way; XLA on a CPU would slow it down."""
        watched = any(_watches_batches(callback) for callback in callbacks)
        model.compile(
            optimizer=type(self.optimizer).from_config(self.optimizer.get_config()),
            loss=self.loss,
            jit_compile=False,
            steps_per_execution=1 if watched else STEPS_PER_EXECUTION,
            **self.options,
        )


def check_callbacks(callbacks):
    """Refuse what cannot work on a network in training that is not the user's own model."""
    for callback in callbacks:
        name = type(callback).__name__
        if not isinstance(callback, keras.callbacks.Callback):
            raise InvalidInput("callback", "a `keras.callbacks.Callback`", name)
        whole = isinstance(callback, keras.callbacks.ModelCheckpoint)
        if whole and not callback.save_weights_only:
            expected = "`save_weights_only=True`: a network in compression has no file of its own"
            raise InvalidInput(f"callback `{name}`", expected, "one that saves the whole model")


def _watches_batches(callback):
    base = keras.callbacks.Callback
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(getattr(type(callback), hook) is not getattr(base, hook) for hook in hooks)
