"""Train a tf_keras network with Keras 3.

The network becomes a Keras 3 layer, so losses, optimizers, schedules, metrics and callbacks of
Keras 3 work as usual.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import tree

from kerasdl.compression.bridge import graph


class Hosted(keras.layers.Layer):
    """A tf_keras network as one Keras 3 layer, which shares the network's variables.

    Args:
        network: The tf_keras network.
        twins: dict from the `id` of a variable of the network to its counterpart in the Keras 3
            model. The variable takes over its counterpart's `trainable`, constraint and
            regularizer.
        frozen: Counterparts of variables that the optimizer does not train, though the network may
            assign them.
        keep_zeros: Counterparts of variables whose zeros stay zero.
    """

    def __init__(
        self,
        network,
        twins: dict,
        frozen: Sequence[keras.Variable] = (),
        keep_zeros: Sequence[keras.Variable] = (),
        **kwargs,
    ):
        super().__init__(trainable=True, **kwargs)
        self.network = network
        trainable = {id(variable) for variable in network.trainable_variables}
        self.parts = []
        for number, variable in enumerate(network.variables):
            twin = twins.get(id(variable))
            learns = twin is None or (twin.trainable and not _holds(frozen, twin))
            part = keras.Variable(  # wraps the same tf.Variable
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
    """A constraint: weights that are zero when it is made stay zero."""

    def __init__(self, variable, before=None):
        self.mask = tf.cast(tf.not_equal(variable, 0), variable.dtype)
        self.before = before or (lambda value: value)

    def __call__(self, value):
        return self.before(value) * self.mask


def host(
    network,
    model: keras.Model,
    frozen: Sequence[keras.Variable] = (),
    keep_zeros: Sequence[keras.Variable] = (),
) -> keras.Model:
    """Return a Keras 3 model with the inputs and outputs of `model` that runs `network`.

    Args:
        network: What TFMOT made of `to_tf_keras(model)`.
        model: The flat Keras 3 model.
        frozen: Variables of `model` that are not trained.
        keep_zeros: Variables of `model` whose zeros stay zero.
    """
    twins = {id(twin): variable for variable, twin in graph.pairs(model, network)}
    layer = Hosted(network, twins, frozen, keep_zeros, name=f"hosted_{model.name}")
    inputs = tree.map_structure(_input, model._inputs_struct)
    outputs = tree.flatten(layer(tree.flatten(inputs)))
    outputs = [
        keras.layers.Identity(name=name)(output)  # `compile` finds losses by these names
        for name, output in zip(model.output_names, outputs, strict=True)
    ]
    outputs = tree.pack_sequence_as(model._outputs_struct, outputs)
    return keras.Model(inputs, outputs, name=model.name)


def _input(tensor):
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
