"""Find out the parts and properties of any model and its loss."""

import contextlib
import functools
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasdl.utils.patches import replaced

# layers whose integer inputs are names (tokens, categories) and not quantities
LOOKUPS = ("Embedding", "CategoryEncoding", "Hashing", "IntegerLookup", "StringLookup")
PASSING = ("Flatten", "Reshape", "Dropout", "Identity")  # do not change values in inference
# last activation -> whether outputs are probabilities
PROBABILITIES = {"linear": False, "sigmoid": True, "hard_sigmoid": True, "softmax": True}


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """Layers that contain no other layers, in the order in which they were made."""
    every = model._flatten_layers(include_self=False)
    found = (layer for layer in every if not isinstance(layer, keras.layers.InputLayer))
    return [layer for layer in found if not list(layer._flatten_layers(include_self=False))]


def first_layer(model: keras.Model) -> keras.layers.Layer | None:
    """The first layer with weights, other than a Normalization."""
    found = (layer for layer in leaves(model) if layer.weights)
    return next((layer for layer in found if type(layer).__name__ != "Normalization"), None)


def takes_quantities(model: keras.Model) -> bool:
    """Whether integer inputs are quantities, such as pixels, and not names, such as tokens."""
    layer = first_layer(model)
    looked_up = any(type(leaf).__name__ in LOOKUPS for leaf in leaves(model))
    return layer is not None and type(layer).__module__.startswith("keras.") and not looked_up


class Call(NamedTuple):
    """A call of a layer while a model was called: the layer, its first input and its output."""

    layer: keras.layers.Layer
    input: Any
    output: Any


def calls(model: keras.Model, inputs, layers: list[keras.layers.Layer]) -> list[Call]:
    """Call a model in inference and return the calls of some of its layers, in order.

    This needs no graph of layers, so it works on subclassed models too.
    """
    found: list[Call] = []

    def recording(layer):
        call = layer.call

        @functools.wraps(call)
        def recorded(*args, **kwargs):
            output = call(*args, **kwargs)
            received = args[0] if args else next(iter(kwargs.values()), None)
            if hasattr(received, "numpy") and hasattr(output, "numpy"):
                found.append(Call(layer, received, output))
            return output

        return recorded

    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(replaced(layer, "call", recording(layer)))
        model(inputs, training=False)
    return found


def first_layer_input(model: keras.Model, inputs) -> np.ndarray | None:
    """Return the input of the first layer with weights; `None` if it is not called as a layer."""
    layer = first_layer(model)
    found = calls(model, inputs, [layer]) if layer else []
    return keras.ops.convert_to_numpy(found[0].input) if found else None


def normalizes_first(model: keras.Model, inputs) -> bool:
    """Whether the first layer with weights is followed by a normalization of its linear output."""
    found = calls(model, inputs, [layer for layer in leaves(model) if layer.weights])
    if len(found) < 2 or activation_of(found[0].layer) not in ("linear", ""):
        return False
    return "Normalization" in type(found[1].layer).__name__


def activation_of(layer) -> str:
    """Name of the activation of a layer; empty if it has none."""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def loss_name(loss) -> str:
    """Names of a loss and of its classes, in lower case without underscores."""
    loss = keras.losses.get(loss) if isinstance(loss, str) else getattr(loss, "func", loss)
    names = [getattr(loss, "__name__", "")] + [kind.__name__ for kind in type(loss).__mro__]
    return " ".join(names).lower().replace("_", "")


def takes_logits(loss) -> bool | None:
    """Whether a loss takes logits; `None` if unknown, or if it takes no probabilities either."""
    if isinstance(loss, keras.losses.Loss):
        return loss.get_config().get("from_logits")
    options = getattr(loss, "keywords", {})  # of a functools.partial
    function = keras.losses.get(loss) if isinstance(loss, str) else getattr(loss, "func", loss)
    if isinstance(function, keras.losses.Loss):  # by the name of its class
        return takes_logits(function)
    if not getattr(function, "__module__", "").startswith("keras."):
        return None
    return options.get("from_logits", False) if "crossentropy" in loss_name(loss) else None


def last_activations(model: keras.Model) -> list[str]:
    """Activations of a model's only output, the last first, up to the last layer with weights.

    Empty if the model has several outputs or is no graph of layers.
    """
    outputs, names = getattr(model, "outputs", None) or [], []
    for operation in _operations(outputs[0]) if len(outputs) == 1 else []:
        if not _passes(operation):
            names.append(_activation(operation))
        if getattr(operation, "weights", None):
            break
    return names


def _operations(tensor):
    """Layers and operations that made a tensor, the last first, along their first inputs."""
    while history := getattr(tensor, "_keras_history", None):
        operation = history.operation
        if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
            yield from _operations(operation.outputs[history.tensor_index])
        else:
            yield operation
        inputs = operation._inbound_nodes[history.node_index].input_tensors
        tensor = inputs[0] if inputs else None


def _passes(operation):
    name = type(operation).__name__
    linear = name == "Activation" and _activation(operation) == "linear"
    return linear or name in (*PASSING, "InputLayer")


def _activation(operation):
    return activation_of(operation) or type(operation).__name__.lower()
