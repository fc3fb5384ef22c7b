"""Slopes of what a network gives, plain or guided, at its inputs."""

import functools

import numpy as np

from kerasdl.errors import InvalidInput


def at(function, images, guided: bool = False):
    """What a function of images gives, and d sum(function) / d images.

        plain    dx = dy [x > 0]
        guided   dx = dy [x > 0] [dy > 0]        at every ReLU

    Args:
        function: From a tensor of images to a tensor.
        images: (number, height, width, channels).
        guided: Follow back only what raises the output, through positive parts alone.

    Reference: Springenberg et al. (2015), Striving for Simplicity, section 3.4.
    """
    import tensorflow as tf

    if np.ndim(images) != 4:
        expected = "shape (number, height, width, channels)"
        raise InvalidInput("images", expected, np.shape(images))
    images = tf.constant(images, "float32")
    return [x.numpy() for x in (_guided if guided else _plain)(function, images)]


def _plain(function, images):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(images)
        values = function(images)
    return values, tape.gradient(values, images)


def _guided(function, images):
    """In a graph, for the gradients of its operations can be replaced, which no tape asks for."""
    import tensorflow as tf

    _register()

    def traced(images):
        with tf.compat.v1.get_default_graph().gradient_override_map({"Relu": "GuidedRelu"}):
            values = function(images)
        return values, tf.gradients(values, images)[0]

    found = tf.function(traced).get_concrete_function(images)
    if not any(operation.type == "Relu" for operation in found.graph.get_operations()):
        raise InvalidInput("model", "a network with ReLU, of which slopes can be guided", "none")
    return found(images)


@functools.cache
def _register():
    """Tell TensorFlow, once a process, of a ReLU that passes back positive slopes only."""
    import tensorflow as tf

    @tf.RegisterGradient("GuidedRelu")
    def guided(operation, slope):
        return tf.where((operation.outputs[0] > 0) & (slope > 0), slope, tf.zeros_like(slope))
