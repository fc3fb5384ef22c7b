"""Flatten a model of nested blocks into one functional graph of Keras's own layers."""

import contextlib
import inspect
import threading

import keras
from keras import ops, tree
from keras.src import backend

from kerasdl.errors import InvalidInput
from kerasdl.export import trace
from kerasdl.utils import checks, patches

LOCK = threading.Lock()  # `Layer.__call__` is patched by one thread at a time


def flatten(model: keras.Model) -> keras.Model:
    """Return the same network as one functional graph without nested blocks.

    Nested models, subclassed models and composite layers are replaced by what their `call` does, so
    that pruning, quantization and converters see every convolution. The weights are shared:
    training one model trains the other. The layers are copies, named by their path, and frozen
    layers stay frozen.

    A custom layer is kept whole if it has weights or random numbers of its own, if it has no
    sublayers and behaves differently in training, or if its `call` uses more than Keras layers and
    `keras.ops`.

    Args:
        model: Any Keras model that is built.

    Example:

    >>> import kerasdl
    >>> model = kerasdl.create_model("se_resnet_tiny")
    >>> flat = kerasdl.compression.flatten(model)
    >>> len(model.layers) < len(flat.layers)
    True
    >>> all(a is b for a, b in zip(model.trainable_variables, flat.trainable_variables))
    True
    """
    checks.models(model=model)
    if not model.built:
        expected = "a built model (call it once on a batch, or give it a `keras.Input`)"
        raise InvalidInput(f"model `{model.name}`", expected, "one without weights")
    inputs = tree.map_structure(_input, trace.input_signature(model))
    walk = _Walk()
    with walk.intercepting():
        outputs = walk.inline(model, *inputs)
    if outputs is None:
        expected = "a `call` made of Keras layers and `keras.ops`"
        raise InvalidInput(f"model `{model.name}`", expected, walk.failure)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=model.name)


def _input(spec):
    return keras.Input(batch_shape=spec.shape, dtype=spec.dtype, name=spec.name)


class _Walk:
    """One pass of symbolic tensors through a model, which calls copies of its simple layers."""

    def __init__(self):
        self.path = []  # names of the composite layers that are being called
        self.copies = {}  # id of a layer -> the layer, its copy in the flat graph
        self.failure = ""

    @contextlib.contextmanager
    def intercepting(self):
        """Patch `Layer.__call__`: inline composite layers, call copies of simple ones."""
        original = keras.layers.Layer.__call__

        def call(layer, *args, **kwargs):
            if not any(isinstance(x, keras.KerasTensor) for x in tree.flatten((args, kwargs))):
                return original(layer, *args, **kwargs)
            if not is_simple(layer):
                outputs = self.inline(layer, *args, **kwargs)
                if outputs is not None:
                    return outputs
            return original(self.copy(layer), *args, **kwargs)

        with LOCK, patches.replaced(keras.layers.Layer, "__call__", call):
            yield

    def inline(self, layer, *args, **kwargs):
        """Return the outputs of the layer's `call`, or `None` if it fails on symbolic tensors."""
        names = inspect.signature(layer.call).parameters
        kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        args, kwargs = tree.map_structure(lambda x: _cast(layer, x), (args, kwargs))
        if "mask" in names and kwargs.get("mask") is None and len(args) == 1:
            kwargs["mask"] = tree.map_structure(backend.get_keras_mask, args[0])
        self.path.append(layer.name)
        try:
            return layer.call(*args, **kwargs)
        except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
            self.failure = str(error).strip().splitlines()[0]
            return None
        finally:
            self.path.pop()

    def copy(self, layer):
        """Return a layer's copy: the same variables, another name, not part of any graph yet."""
        if id(layer) not in self.copies:
            used = {copy.name for _, copy in self.copies.values()}
            name = stem = "_".join([*self.path[1:], layer.name])
            while name in used:
                number = int(name.removeprefix(stem).strip("_") or 0)
                name = f"{stem}_{number + 1}"
            # `copy.copy` would make new weights, and `setattr` would track the lists
            copy = object.__new__(type(layer))
            changes = {"name": name, "_inbound_nodes": [], "_outbound_nodes": []}
            copy.__dict__.update({**layer.__dict__, **changes})
            self.copies[id(layer)] = layer, copy
        return self.copies[id(layer)][1]


def is_simple(layer: keras.layers.Layer) -> bool:
    """Return whether a layer is kept whole in a flat graph."""
    if isinstance(layer, keras.Model):
        return False
    if type(layer).__module__.split(".")[0] == "keras":
        return True
    own = layer._trainable_variables or layer._non_trainable_variables or layer._seed_generators
    return bool(own) or (layer._call_has_training_arg and not layer._layers)


def _cast(layer, x):
    """Cast floats to the layer's compute type, as `Layer.__call__` does first."""
    is_float = isinstance(x, keras.KerasTensor) and backend.is_float_dtype(x.dtype)
    if is_float and layer.autocast and x.dtype != layer.compute_dtype:
        return ops.cast(x, layer.compute_dtype)
    return x
