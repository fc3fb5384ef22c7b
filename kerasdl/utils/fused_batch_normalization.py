"""Batch normalization by TensorFlow's kernel, for all of Keras's layers inside a `with` block."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasdl.utils.patches import replaced

KEEP = keras.layers.BatchNormalization.call


@contextlib.contextmanager
def fused_batch_normalization() -> Iterator[None]:
    """Train batch normalizations of Keras by one kernel in place of a dozen operations.

    Keras computes mean, variance and output by separate operations, each of which reads or writes
    the whole feature map. The kernel gives the same numbers, and a training step of a ResNet takes
    about two thirds of the time. It is used while a training step runs or is traced inside the
    block. The layers stay Keras's own, so files, exports and compression do not change.

    Layers keep Keras's computation if they are frozen, get a mask, normalize another axis than the
    last, use `renorm`, or synchronize their statistics over replicas.

    Example:
        >>> layers = [keras.Input((8, 8, 3)), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential([*layers, keras.layers.Conv2D(4, 3)])
        >>> model.compile("adam", "mse")
        >>> x, y = keras.ops.ones((4, 8, 8, 3)), keras.ops.ones((4, 6, 6, 4))
        >>> with fused_batch_normalization():
        ...     history = model.fit(x, y, verbose=0)

    Reference: Ioffe and Szegedy (2015), Batch Normalization: Accelerating Deep Network Training by
    Reducing Internal Covariate Shift.
    """
    with replaced(keras.layers.BatchNormalization, "call", _call):
        yield


@functools.wraps(KEEP)
def _call(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    if training and layer.trainable and mask is None and _fits(layer, inputs):
        return _train(layer, inputs)
    return KEEP(layer, inputs, training=training, mask=mask)


def _fits(layer, inputs):
    last = layer.axis in (-1, len(inputs.shape) - 1)
    other = layer.renorm or layer.synchronized
    return last and not other and not isinstance(inputs, keras.KerasTensor)


def _train(layer, inputs):
    inputs = keras.ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    shape = tf.shape(inputs)
    channels = inputs.shape[-1]
    gamma = layer.gamma.value if layer.scale else tf.ones(channels)
    beta = layer.beta.value if layer.center else tf.zeros(channels)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs if len(inputs.shape) == 4 else tf.reshape(inputs, (-1, 1, 1, channels)),
        scale=gamma,
        offset=beta,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    # the kernel returns the unbiased variance, with n - 1 in place of n
    count = tf.cast(tf.reduce_prod(shape[:-1]), variance.dtype)
    variance *= tf.maximum(count - 1.0, 1.0) / count
    for average, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        average.assign(average * layer.momentum + new * (1.0 - layer.momentum))
    return keras.ops.cast(tf.reshape(outputs, shape), layer.compute_dtype)
