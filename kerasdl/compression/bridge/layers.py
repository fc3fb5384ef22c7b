"""From one Keras 3 layer or operation to the layers of tf_keras that do the same."""

import inspect
import warnings

import keras
from keras import layers, tree
from keras.src import ops as operations

from kerasdl.compression.bridge.opaque import opaque
from kerasdl.compression.bridge.tfmot import tf_keras

# whose outputs are proven equal by tests; every other layer crosses as an opaque one
EQUAL = {
    *("Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"),
    *("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
    *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("BatchNormalization", "LayerNormalization", "Embedding"),
    *("Bidirectional", "GRU", "LSTM", "SimpleRNN"),
    *("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    *("Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
    *("Dense", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise"),
    *("Flatten", "Permute", "RepeatVector", "Reshape", "UpSampling1D", "UpSampling2D"),
}
RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}, "PReLU": {}}
# the others stand behind their layer, as a layer: quantisation then sees what lies between
FUSED = ("linear", "relu", "sigmoid", "softmax", "tanh")
MERGES = {
    operations.numpy.Add: tf_keras.layers.Add,
    operations.numpy.Multiply: tf_keras.layers.Multiply,
    operations.numpy.Subtract: tf_keras.layers.Subtract,
}
# what tf_keras gets in another way: weights are copied, and Keras 3 trains with the rest
LEFT_OUT = ("dtype", "name", "_initializer", "_regularizer", "_constraint")


def convert(operation, args, kwargs, opaque_rnns=False) -> list:
    """Fresh tf_keras layers to be called one after another; opaque where there is no equal."""
    found = None
    is_opaque = opaque_rnns and isinstance(operation, layers.RNN | layers.Bidirectional)
    if not kwargs and not is_opaque:
        is_layer = isinstance(operation, layers.Layer)
        found = convert_layer(operation) if is_layer else convert_operation(operation, args)
    return found or [opaque(operation, args, kwargs)]


def convert_layer(layer):
    """The layer's equals, or `None`."""
    kind = type(layer).__name__
    is_own = type(layer).__module__.split(".")[0] == "keras"
    if not is_own or kind not in EQUAL or layer.activity_regularizer is not None:
        return None
    if isinstance(layer, layers.SeparableConv2D):
        return _separable(layer)
    if isinstance(layer, layers.Activation):
        return [activation(layer.activation, layer.name)]
    if isinstance(layer, layers.Bidirectional):
        inner = [convert_layer(rnn) for rnn in (layer.forward_layer, layer.backward_layer)]
        if None in inner:
            return None
        (forward,), (backward,) = inner
        both = tf_keras.layers.Bidirectional(
            forward, layer.merge_mode, backward_layer=backward, name=layer.name
        )
        return [both]
    options = configuration(layer)
    if options is None:
        return None
    after = []
    if isinstance(layer, layers.RNN):
        names = {n: name_of(getattr(layer, n)) for n in ACTIVATIONS if n in options}
        if None in names.values():
            return None  # tf_keras has another `hard_sigmoid`
        options.update(names)
    elif "activation" in options:
        options["activation"] = name_of(layer.activation)
        if options["activation"] is None:
            after = [activation(layer.activation, f"{layer.name}_activation")]
    return [getattr(tf_keras.layers, kind)(name=layer.name, **options), *after]


ACTIVATIONS = ("activation", "recurrent_activation")


def configuration(layer):
    """The layer's options in tf_keras's words; `None` if one of them cannot be said."""
    kind = type(layer).__name__
    known = set(inspect.signature(getattr(tf_keras.layers, kind).__init__).parameters)
    known |= {"trainable", "implementation"}
    defaults = inspect.signature(type(layer).__init__).parameters
    options = {}
    with warnings.catch_warnings():
        # an activation that is a lambda: nothing here is written to a file
        warnings.filterwarnings("ignore", message=".*includes a `lambda`", category=UserWarning)
        given = layer.get_config()
    for name, value in given.items():
        if name.endswith(LEFT_OUT):
            continue
        renamed = RENAMED.get(kind, {}).get(name, name)
        if renamed in known:
            options[renamed] = tuple(value) if isinstance(value, list) else value
        elif name in defaults and value != defaults[name].default and name not in HARMLESS:
            return None
    return options


# they choose how something is computed, not what
HARMLESS = ("seed", "use_cudnn", "synchronized", "ragged", "sparse", "implementation")


def _separable(layer):
    """A depthwise and a 1x1 convolution, as TFMOT makes of it, under names that lead back."""
    options = configuration(layer)
    if options is None:
        return None
    same = ("strides", "padding", "data_format", "dilation_rate", "depth_multiplier", "trainable")
    name = name_of(layer.activation)
    after = [] if name else [activation(layer.activation, f"{layer.name}_activation")]
    return [
        tf_keras.layers.DepthwiseConv2D(
            options["kernel_size"],
            use_bias=False,
            name=f"{layer.name}_depthwise",
            **{key: options[key] for key in same},
        ),
        tf_keras.layers.Conv2D(
            options["filters"],
            1,
            use_bias=options["use_bias"],
            data_format=options["data_format"],
            activation=name,
            trainable=options["trainable"],
            name=layer.name,
        ),
        *after,
    ]


def activation(function, name):
    """A layer for an activation function, one that quantisation can fuse where there is one."""
    if function is keras.activations.relu:
        return tf_keras.layers.ReLU(name=name)
    if function is keras.activations.relu6:
        return tf_keras.layers.ReLU(6.0, name=name)
    if function is keras.activations.leaky_relu:
        return tf_keras.layers.LeakyReLU(0.2, name=name)
    if name_of(function):
        return tf_keras.layers.Activation(name_of(function), name=name)
    return opaque(function, [keras.KerasTensor(())], name=name)


def name_of(function):
    """What tf_keras calls an activation that quantisation knows as part of a layer, or `None`."""
    return next((n for n in FUSED if getattr(keras.activations, n) is function), None)


def convert_operation(operation, args):
    """An operation's equals, or `None`."""
    kind = type(operation)
    if any(getattr(x, "_keras_mask", None) is not None for x in tree.flatten(args)):
        return None  # an operation drops the mask, a layer hands it on
    shapes = {tuple(x.shape) for x in args if hasattr(x, "shape")}
    if kind in MERGES and len(shapes) == 1 and all(hasattr(x, "_keras_history") for x in args):
        return [MERGES[kind](name=operation.name)]
    if kind is operations.numpy.Concatenate:
        return [tf_keras.layers.Concatenate(axis=operation.axis, name=operation.name)]
    if kind is operations.nn.Relu:
        return [tf_keras.layers.ReLU(name=operation.name)]
    if kind is operations.nn.Relu6:
        return [tf_keras.layers.ReLU(6.0, name=operation.name)]
    return None
