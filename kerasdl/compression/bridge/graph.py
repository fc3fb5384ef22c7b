"""From a flat Keras 3 model to the same graph of tf_keras layers, and weights both ways."""

import keras
from keras import tree

from kerasdl.compression.bridge import layers, opaque
from kerasdl.compression.bridge.tfmot import cluster_wrapper, quantize_wrapper, tf_keras
from kerasdl.errors import InvalidInput


def to_tf_keras(model: keras.Model, batch_size: int | None = None, opaque_rnns: bool = False):
    """The same network in tf_keras: same names, same weights, a list for several in- and outputs.

    What tf_keras has not, or has with another formula, becomes an opaque layer that runs the Keras
    3 layer with weights of its own.

    Args:
        model: A functional or Sequential model, such as `kerasdl.compression.flatten` gives.
        batch_size: A fixed batch size; by default the model's.
        opaque_rnns: Whether RNNs stay those of Keras 3. From tf_keras's LSTM the converter makes
            LiteRT's, which goes on from call to call with the state that the last one left.
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
        # as in a functional model, whoever calls the whole network decides on `training`
        kwargs = {k: v for k, v in kwargs.items() if v is not None and k != "training"}
        if id(operation) not in made:  # a layer that is used twice keeps its one set of weights
            found = layers.convert(operation, args, kwargs, opaque_rnns)
            made[id(operation)] = found, str(opaque.template(args, kwargs))
        (first, *others), arguments = made[id(operation)]
        if arguments != str(opaque.template(args, kwargs)):
            expected = "the same arguments beside tensors in each of its calls"
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


def copy_weights(source, target):
    """By name, from Keras 3 to tf_keras or back, whatever TFMOT has wrapped."""
    to_keras = isinstance(target, keras.Model)
    for variable, twin in pairs(*((target, source) if to_keras else (source, target))):
        if to_keras:
            variable.assign(twin)
        else:
            twin.assign(variable.value)


def pairs(model, tf_keras_model):
    """Each variable of the Keras 3 model's layers and its twin, in the model's order."""
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


WRAPPERS = (quantize_wrapper.QuantizeWrapper, cluster_wrapper.ClusterWeights)


def weights(layer):
    """A layer's variables in the order they had before TFMOT took the kernel out of it."""
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
