"""Train layers of Keras with faster operations, for the same numbers, inside a `with` block."""

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf
from keras.src import backend

from kerasdl.utils.patches import replaced

BATCH, LAYER = keras.layers.BatchNormalization.call, keras.layers.LayerNormalization.call
GELU, SILU, CONVOLUTION = backend.nn.gelu, backend.nn.silu, backend.nn.conv
LARGE = 2**16  # numbers in an array
SMALL_BATCH = 8  # assumed for arrays of a batch of unknown size


@contextlib.contextmanager
def fast_training() -> Iterator[None]:
    """Train normalizations, GELU and grouped convolutions of Keras with faster operations.

    On a CPU, the time of these layers is that of reading and writing whole feature maps. Keras
    computes mean, variance and output of a normalization by separate operations, and TensorFlow
    derives the gradient from each of them; the tanh form of GELU takes about twenty passes over its
    input. Inside the block, batch normalization is one kernel of TensorFlow. Layer normalization,
    GELU and SiLU have gradients written out by hand, and XLA computes them in one pass over large
    inputs whose shape is known except for the batch. Grouped convolutions, which Keras compiles
    with XLA, are one convolution for each group unless there is a GPU. The results are those of
    Keras, up to rounding. What trains or is traced inside the block uses them. The layers stay
    Keras's own, so files, exports and compression do not change.

    Batch normalization is left to Keras if the layer is frozen, gets a mask, normalizes another
    axis than the last, uses `renorm`, or synchronizes its statistics over several replicas. Layer
    normalization is left to Keras if it normalizes other axes than the last or has no scale or
    offset.

    Example:
        >>> layers = [keras.Input((8, 8, 3)), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential([*layers, keras.layers.Conv2D(4, 3)])
        >>> model.compile("adam", "mse")
        >>> x, y = keras.ops.ones((4, 8, 8, 3)), keras.ops.ones((4, 6, 6, 4))
        >>> with fast_training():
        ...     history = model.fit(x, y, verbose=0)

    Reference: Ioffe and Szegedy (2015), Batch Normalization: Accelerating Deep Network Training by
    Reducing Internal Covariate Shift. Ba, Kiros, Hinton (2016), Layer Normalization. Hendrycks and
    Gimpel (2016), Gaussian Error Linear Units.
    """
    with (
        replaced(keras.layers.BatchNormalization, "call", _batch),
        replaced(keras.layers.LayerNormalization, "call", _layer),
        replaced(backend.nn, "gelu", _gelu),
        replaced(backend.nn, "silu", _silu),
        replaced(backend.nn, "conv", _convolution),
    ):
        yield


@functools.wraps(BATCH)
def _batch(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    if training and layer.trainable and mask is None and _fits(layer, inputs):
        return _train(layer, inputs)
    return BATCH(layer, inputs, training=training, mask=mask)


def _fits(layer, inputs):
    last = layer.axis in (-1, len(inputs.shape) - 1)
    several = layer.synchronized and tf.distribute.get_strategy().num_replicas_in_sync > 1
    other = layer.renorm or several or inputs.dtype == "float64"  # not in the kernel
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


@functools.wraps(LAYER)
def _layer(layer: Any, inputs: Any) -> Any:
    last = layer.axis in (-1, len(inputs.shape) - 1, [-1], [len(inputs.shape) - 1])
    whole = layer.scale and layer.center and not getattr(layer, "rms_scaling", False)
    if not (last and whole) or isinstance(inputs, keras.KerasTensor):
        return LAYER(layer, inputs)
    x = keras.ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    gamma, beta = (keras.ops.cast(part, x.dtype) for part in (layer.gamma, layer.beta))
    return keras.ops.cast(_normalized(layer.epsilon)(x, gamma, beta), layer.compute_dtype)


def _in_one_pass(function):
    """Let XLA compute a function of arrays where that pays; it reads and writes each array once."""
    compiled = tf.function(function, jit_compile=True)

    @functools.wraps(function)
    def choose(*arrays):
        return (compiled if _is_large(arrays[0]) else function)(*arrays)

    return choose


def _is_large(x):
    """Return whether to compile a program for each shape of x, which takes a tenth of a second.

    Datasets end with a smaller batch, so most give batches of unknown size.
    """
    if tf.executing_eagerly() or not x.shape.rank or None in x.shape[1:]:
        return False
    return (x.shape[0] or SMALL_BATCH) * math.prod(x.shape[1:]) >= LARGE


@functools.cache
def _normalized(epsilon):
    """Return gamma h + beta with h = (x - mean) / deviation, along the last axis.

    For the gradient g of the output and u = gamma g:

        dx = (u - mean(u) - h mean(u h)) / deviation        dgamma = sum g h        dbeta = sum g
    """

    @_in_one_pass
    def forward(x, gamma, beta):
        change = x - tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(change), -1, keepdims=True)
        scale = tf.math.rsqrt(variance + epsilon)
        h = change * scale
        return h * gamma + beta, h, scale

    @_in_one_pass
    def backward(g, h, scale, gamma):
        u = g * gamma
        along = tf.reduce_mean(u * h, -1, keepdims=True)
        return (u - tf.reduce_mean(u, -1, keepdims=True) - h * along) * scale

    @tf.custom_gradient
    def normalized(x, gamma, beta):
        y, h, scale = forward(x, gamma, beta)

        def gradients(g):
            dx = backward(g, h, scale, gamma)
            others = list(range(x.shape.rank - 1))
            rows = tf.reshape(g, (-1, x.shape[-1]))
            return dx, tf.reduce_sum(g * h, others), tf.raw_ops.BiasAddGrad(out_backprop=rows)

        return y, gradients

    return normalized


def _gelu(x: Any, approximate: bool = True) -> Any:
    return (_tanh_gelu if approximate else _erf_gelu)(tf.convert_to_tensor(x))


def _silu(x: Any) -> Any:
    x = tf.convert_to_tensor(x)
    return _large_silu(x) if _is_large(x) else SILU(x)


def _with_gradient(function, derivative):
    """Return a function of one array with its gradient, each computed in one pass."""
    forward = _in_one_pass(function)
    backward = _in_one_pass(lambda x, g: g * derivative(x))
    return tf.custom_gradient(lambda x: (forward(x), functools.partial(backward, x)))


LINEAR = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR


def _tanh(x):
    """Return x s with s = sigmoid(a x + b x^3) = (1 + tanh((a x + b x^3) / 2)) / 2."""
    return x * tf.sigmoid(x * (LINEAR + CUBIC * tf.square(x)))


def _tanh_derivative(x):
    """Return s + x s (1 - s) (a + 3 b x^2)."""
    square = tf.square(x)
    s = tf.sigmoid(x * (LINEAR + CUBIC * square))
    return s + x * s * (1 - s) * (LINEAR + 3 * CUBIC * square)


def _erf_derivative(x):
    """Return P(x) + x p(x), the distribution and the density of normal numbers."""
    density = tf.exp(-0.5 * tf.square(x)) / math.sqrt(2 * math.pi)
    return 0.5 * (1 + tf.math.erf(x * math.sqrt(0.5))) + x * density


def _silu_derivative(x):
    """Return s + x s (1 - s)."""
    s = tf.sigmoid(x)
    return s + x * s * (1 - s)


_tanh_gelu = _with_gradient(_tanh, _tanh_derivative)
_erf_gelu = _with_gradient(lambda x: GELU(x, approximate=False), _erf_derivative)
_large_silu = _with_gradient(lambda x: x * tf.sigmoid(x), _silu_derivative)


@functools.wraps(CONVOLUTION)
def _convolution(inputs: Any, kernel: Any, *args: Any, **kwargs: Any) -> Any:
    data_format = kwargs.get("data_format") or (args[2] if len(args) > 2 else None)
    last = backend.standardize_data_format(data_format) == "channels_last"
    groups = inputs.shape[-1] // kernel.shape[-2] if last else 1
    # the kernels of a GPU compute all groups at once
    if groups == 1 or tf.config.list_logical_devices("GPU"):
        return CONVOLUTION(inputs, kernel, *args, **kwargs)
    parts = zip(tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([CONVOLUTION(*part, *args, **kwargs) for part in parts], -1)
