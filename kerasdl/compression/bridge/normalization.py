"""Batch normalization that follows no convolution, in int8 all the same."""

import tensorflow as tf

from kerasdl.compression.bridge.tfmot import tf_keras

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "Dense")


@tf_keras.utils.register_keras_serializable(package="kerasdl")
class Scaling(tf_keras.layers.BatchNormalization):
    """Batch normalization that is a 1x1 depthwise convolution at inference.

    LiteRT folds it into a convolution before it; alone, it would multiply and add floats. As a
    convolution it has an int8 factor and a scale for each channel, which loses nothing.

        k = gamma / sqrt(variance + epsilon)        y = k x + (beta - k mean)
    """

    def call(self, inputs, training=None):
        if tf.is_tensor(training):  # while tf_keras draws its graph
            normalize = super().call
            return tf.cond(
                training, lambda: normalize(inputs, True), lambda: self._convolve(inputs)
            )
        if training and self.trainable:
            return super().call(inputs, training=True)
        return self._convolve(inputs)

    def _convolve(self, inputs):
        factor = tf.math.rsqrt(self.moving_variance + self.epsilon)
        factor = factor * self.gamma if self.scale else factor
        offset = -self.moving_mean * factor
        offset = offset + self.beta if self.center else offset
        wide = inputs if inputs.shape.rank == 4 else tf.reshape(inputs, (-1, 1, 1, factor.shape[0]))
        kernel = tf.reshape(factor, (1, 1, -1, 1))
        outputs = tf.nn.depthwise_conv2d(wide, kernel, (1, 1, 1, 1), "VALID") + offset
        return outputs if inputs.shape.rank == 4 else tf.reshape(outputs, tf.shape(inputs))


def replace(network):
    """The network with `Scaling` wherever no convolution takes the normalization in."""

    def choose(layer):
        kind = Scaling if _is_alone(layer, network) else type(layer)
        return kind.from_config(layer.get_config())

    found = tf_keras.models.clone_model(network, clone_function=choose)
    found.set_weights(network.get_weights())
    return found


def _is_alone(layer, network):
    """Whether TFMOT sees no convolution that feeds this normalization and nothing else."""
    if type(layer) is not tf_keras.layers.BatchNormalization or len(layer._inbound_nodes) != 1:
        return False
    if list(layer.axis) != [layer.output.shape.rank - 1]:
        return False
    before = layer._inbound_nodes[0].inbound_layers
    return (
        type(before).__name__ not in CONVOLUTIONS
        or before.activation is not tf_keras.activations.linear
        or len(before._outbound_nodes) != 1
        or any(before.output is output for output in network.outputs)
    )
