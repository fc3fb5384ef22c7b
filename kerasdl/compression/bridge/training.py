"""A tf_keras network that Keras 3 trains.

Nothing is translated: Keras 3 runs the steps, so its losses, optimizers, schedules, metrics and
callbacks do what they always do.
"""

import keras
import tensorflow as tf
from keras import tree

from kerasdl.compression.bridge import graph


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
