"""Convert a flat Keras 3 model to the same graph of tf_keras layers, and copy weights both ways."""

import inspect
import warnings
from collections.abc import Iterator

import keras
from keras import layers, tree
from keras.src import ops as operations

from kerasdl.compression.bridge import opaque
from kerasdl.compression.bridge.tfmot import cluster_wrapper, quantize_wrapper, tf_keras
from kerasdl.errors import InvalidInput

WRAPPERS = (quantize_wrapper.QuantizeWrapper, cluster_wrapper.ClusterWeights)
# layers with equal outputs in tf_keras, as tests show; every other layer becomes an opaque one
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
# activations that stay part of their layer; others become layers, so that their input is quantized
FUSED = ("linear", "relu", "sigmoid", "softmax", "tanh")
MERGES = {
    operations.numpy.Add: tf_keras.layers.Add,
    operations.numpy.Multiply: tf_keras.layers.Multiply,
    operations.numpy.Subtract: tf_keras.layers.Subtract,
}
# options that tf_keras does not need: weights are copied, and Keras 3 does the training
LEFT_OUT = ("dtype", "name", "_initializer", "_regularizer", "_constraint")


def to_tf_keras(
    model: keras.Model, batch_size: int | None = None, opaque_rnns: bool = False
) -> tf_keras.Model:
    """Convert a flat model to tf_keras, with the same names and weights.

    A layer that tf_keras does not have, or defines differently, becomes an opaque layer, which runs
    the Keras 3 layer with its own weights. Several inputs or outputs become a list.

    Args:
        model: A functional or Sequential model, such as `kerasdl.compression.flatten` returns.
        batch_size: int, a fixed batch size; by default the model's.
        opaque_rnns: bool, whether recurrent layers become opaque ones. The converter turns an LSTM
            of tf_keras into LiteRT's LSTM, which keeps its state from one call to the next.
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if not hasattr(graph, "_run_through_graph"):
        expected = "a functional or Sequential model that is built (`flatten` makes one)"
        raise InvalidInput(f"model `{model.name}`", expected, type(model).__name__)
    inputs = [
        tf_keras.Input(
            batch_shape=(batch_size or x.shape[0], *x.shape[1:]),
            dtype=x.dtype,
            name=x._keras_history.operation.name,
        )
        for x in graph.inputs
    ]
    made = {}

    def call(operation, *args, **kwargs):
        # as in a functional model, `training` comes from the call of the whole network
        kwargs = {k: v for k, v in kwargs.items() if v is not None and k != "training"}
        if id(operation) not in made:  # a layer that is used twice is converted once
            found = convert(operation, args, kwargs, opaque_rnns)
            made[id(operation)] = found, str(opaque.template(args, kwargs))
        (first, *others), arguments = made[id(operation)]
        if arguments != str(opaque.template(args, kwargs)):
            expected = "the same arguments, apart from tensors, in each of its calls"
            raise InvalidInput(f"layer `{operation.name}`", expected, f"{args[1:]} {kwargs}"[:100])
        tensors = [x for x in tree.flatten((args, kwargs)) if opaque.is_tensor(x)]
        outputs = first(tensors if len(tensors) > 1 else tensors[0])
        for layer in others:
            outputs = layer(outputs)
        return outputs

    outputs = graph._run_through_graph(
        inputs, operation_fn=lambda operation: operation, call_fn=call
    )
    found = tf_keras.Model(inputs, tree.flatten(outputs), name=model.name)
    copy_weights(model, found)
    return found


def copy_weights(source: keras.Model | tf_keras.Model, target: keras.Model | tf_keras.Model):
    """Copy weights from Keras 3 to tf_keras or back, by the names of layers, through wrappers."""
    to_keras = isinstance(target, keras.Model)
    for variable, twin in pairs(*((target, source) if to_keras else (source, target))):
        if to_keras:
            variable.assign(twin)
        else:
            twin.assign(variable.value)


def pairs(model: keras.Model, tf_keras_model: tf_keras.Model) -> Iterator[tuple]:
    """Yield each variable of the Keras 3 model with its counterpart in tf_keras."""
    twins = {}
    for layer in tf_keras_model.layers:
        inner = layer.layer if isinstance(layer, WRAPPERS) else layer
        twins[inner.name] = layer, isinstance(inner, opaque.Opaque)
    for layer in model.layers:
        if not layer.weights:
            continue
        names = [n for n in (f"{layer.name}_depthwise", layer.name) if n in twins]
        found = [weight for name in names for weight in weights(twins[name][0])]
        own = layer.variables if twins[layer.name][1] else layer.weights
        if [tuple(v.shape) for v in own] != [tuple(v.shape) for v in found]:
            expected = f"weights of shapes {[tuple(v.shape) for v in own]} in tf_keras"
            raise InvalidInput(f"layer `{layer.name}`", expected, [tuple(v.shape) for v in found])
        yield from zip(own, found, strict=True)


def weights(layer: tf_keras.layers.Layer) -> list:
    """Return a layer's variables in their order before TFMOT moved the kernel to its wrapper."""
    inner = layer.layer if isinstance(layer, WRAPPERS) else layer
    if isinstance(inner, opaque.Opaque):
        return inner.own
    if inner is layer:
        return layer.weights
    if isinstance(layer, quantize_wrapper.QuantizeWrapper):
        kernels = {0: layer._weight_vars[0][0]} if layer._weight_vars else {}
    else:
        originals = layer.original_clusterable_weights
        kernels = {i: originals[name] for i, name in layer.position_original_weights.items()}
    found = [v for v in inner.weights if not any(v is kernel for kernel in kernels.values())]
    for position, kernel in sorted(kernels.items()):
        found.insert(position, kernel)
    return found


def convert(operation, args, kwargs, opaque_rnns=False) -> list:
    """Return new tf_keras layers to be called in turn, or an opaque layer if none are equal."""
    found = None
    is_opaque = opaque_rnns and isinstance(operation, layers.RNN | layers.Bidirectional)
    if not kwargs and not is_opaque:
        is_layer = isinstance(operation, layers.Layer)
        found = convert_layer(operation) if is_layer else convert_operation(operation, args)
    return found or [opaque.opaque(operation, args, kwargs)]


def convert_layer(layer):
    """Return the tf_keras layers equal to a Keras 3 layer, or `None`."""
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
            return None  # such as `hard_sigmoid`, which is another function in tf_keras
        options.update(names)
    elif "activation" in options:
        options["activation"] = name_of(layer.activation)
        if options["activation"] is None:
            after = [activation(layer.activation, f"{layer.name}_activation")]
    return [getattr(tf_keras.layers, kind)(name=layer.name, **options), *after]


ACTIVATIONS = ("activation", "recurrent_activation")


def configuration(layer):
    """Return a layer's options for tf_keras, or `None` if tf_keras lacks one of them."""
    kind = type(layer).__name__
    known = set(inspect.signature(getattr(tf_keras.layers, kind).__init__).parameters)
    known |= {"trainable", "implementation"}
    defaults = inspect.signature(type(layer).__init__).parameters
    options = {}
    with warnings.catch_warnings():
        # a lambda as an activation is fine: nothing is written to a file here
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


# options that do not change the outputs
HARMLESS = ("seed", "use_cudnn", "synchronized", "ragged", "sparse", "implementation")


def _separable(layer):
    """Return a depthwise and a 1x1 convolution, as TFMOT would; `pairs` relies on their names."""
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
    """Return a layer for an activation function, if possible one that quantization can fuse."""
    if function is keras.activations.relu:
        return tf_keras.layers.ReLU(name=name)
    if function is keras.activations.relu6:
        return tf_keras.layers.ReLU(6.0, name=name)
    if function is keras.activations.leaky_relu:
        return tf_keras.layers.LeakyReLU(0.2, name=name)
    if name_of(function):
        return tf_keras.layers.Activation(name_of(function), name=name)
    return opaque.opaque(function, [keras.KerasTensor(())], name=name)


def name_of(function):
    """Return the tf_keras name of an activation that is quantized with its layer, or `None`."""
    return next((n for n in FUSED if getattr(keras.activations, n) is function), None)


def convert_operation(operation, args):
    """Return the tf_keras layers equal to an operation, or `None`."""
    kind = type(operation)
    if any(getattr(x, "_keras_mask", None) is not None for x in tree.flatten(args)):
        return None  # an operation drops the mask, a layer would pass it on
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
