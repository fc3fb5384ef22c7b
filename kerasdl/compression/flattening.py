"""One flat graph of Keras's own layers, whatever the model was made of."""

import contextlib
import inspect
import threading
from unittest import mock

import keras
from keras import ops, tree
from keras.src import backend

from kerasdl.errors import InvalidInput
from kerasdl.export import trace

LOCK = threading.Lock()


def flatten(model: keras.Model) -> keras.Model:
    """The same network as one functional graph, in which only simple layers are left.

    Nested models, subclassed models and composite layers are replaced by what their `call` does, so
    that pruning, quantisation and converters see every convolution. The weights are the same
    objects: what trains one model trains the other. The layers are copies, named by their path.

    A custom layer stays whole where it holds weights or random numbers of its own, where it is
    without sublayers and behaves differently in training, and where its `call` leaves Keras's
    operations.

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
    """One pass over a model with symbolic tensors, in which composite layers dissolve."""

    def __init__(self):
        self.path = []  # names of the composite layers that we are inside of
        self.twins = {}  # layer -> its copy in the flat graph
        self.failure = ""

    @contextlib.contextmanager
    def intercepting(self):
        """Give every call of a layer on symbolic tensors to `self.call`."""
        original = keras.layers.Layer.__call__

        def call(layer, *args, **kwargs):
            if not any(isinstance(x, keras.KerasTensor) for x in tree.flatten((args, kwargs))):
                return original(layer, *args, **kwargs)
            if not is_simple(layer):
                outputs = self.inline(layer, *args, **kwargs)
                if outputs is not None:
                    return outputs
            return original(self.twin(layer), *args, **kwargs)

        with LOCK, mock.patch.object(keras.layers.Layer, "__call__", call):
            yield

    def inline(self, layer, *args, **kwargs):
        """The outputs of the layer's `call`, or `None` where symbolic tensors cannot pass it."""
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

    def twin(self, layer):
        """A copy with the same variables, a name of its own and no place in any graph yet."""
        if id(layer) not in self.twins:
            used = {twin.name for _, twin in self.twins.values()}
            name = stem = "_".join([*self.path[1:], layer.name])
            while name in used:
                number = int(name.removeprefix(stem).strip("_") or 0)
                name = f"{stem}_{number + 1}"
            # `copy.copy` would make new weights, and `setattr` would track the lists
            twin = object.__new__(type(layer))
            places = {"name": name, "_inbound_nodes": [], "_outbound_nodes": []}
            twin.__dict__.update({**layer.__dict__, **places})
            self.twins[id(layer)] = layer, twin
        return self.twins[id(layer)][1]


def is_simple(layer: keras.layers.Layer) -> bool:
    """Whether a layer stays as it is in a flat graph."""
    if isinstance(layer, keras.Model):
        return False
    if type(layer).__module__.split(".")[0] == "keras":
        return True
    own = layer._trainable_variables or layer._non_trainable_variables or layer._seed_generators
    return bool(own) or (layer._call_has_training_arg and not layer._layers)


def _cast(layer, x):
    """What `Layer.__call__` does first: floats take the precision that the layer computes in."""
    is_float = isinstance(x, keras.KerasTensor) and backend.is_float_dtype(x.dtype)
    if is_float and layer.autocast and x.dtype != layer.compute_dtype:
        return ops.cast(x, layer.compute_dtype)
    return x
