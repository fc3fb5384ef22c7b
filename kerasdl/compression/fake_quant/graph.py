"""Rebuild a model so that it computes as its int8 file will."""

import collections
from collections.abc import Callable, Sequence

import keras
from keras import layers, ops, tree
from keras.src import backend

from kerasdl.compression.fake_quant import attention, normalization, weights
from kerasdl.compression.fake_quant.activations import PROBABILITY, TANH, FakeQuantize
from kerasdl.compression.fake_quant.weights import FakeQuantizeWeights
from kerasdl.compression.flat_graph import flatten
from kerasdl.export import trace
from kerasdl.utils import checks


def _names(text):
    return frozenset(text.split())


# operations that only move or select values keep the scale of their input
MOVES = _names("""
    ActivityRegularization AlphaDropout BroadcastTo Cast ConvertToTensor Cropping1D Cropping2D
    Dropout ExpandDims Flatten Flip GaussianDropout GaussianNoise GetItem GlobalMaxPooling1D
    GlobalMaxPooling2D Identity Masking Max MaxPool MaxPooling1D MaxPooling2D Moveaxis Pad Permute
    Ravel Repeat RepeatVector Reshape Slice SpatialDropout1D SpatialDropout2D Split Squeeze
    StopGradient Swapaxes Tile Transpose UpSampling1D ZeroPadding1D ZeroPadding2D
""")
# results are rounded to the scale of the input; augmentation does nothing at inference
SAME_SCALE = _names("""
    AveragePool AveragePooling1D AveragePooling2D RandomBrightness RandomContrast RandomCrop
    RandomFlip RandomRotation RandomTranslation RandomZoom UpSampling2D
""")
# a ReLU after these is applied before rounding
FUSE = _names("Add Subtract Multiply")
# these stay float if only float operations read their results
FREE = MOVES | FUSE | _names("Divide Einsum Matmul TrueDivide Where")
# results with a fixed range, whatever the data
RANGES = {"softmax": PROBABILITY, "sigmoid": PROBABILITY, "tanh": TANH}


def quantize_aware(model: keras.Model) -> keras.Model:
    """Return a model with weights and activations rounded to int8, which shares its variables.

    The ranges of the activations must still be measured with `calibrate`; `train_aware` does both
    and trains.

    Kernels have one scale for each output channel, embeddings a single one; activations have one
    scale and a zero point. An operation, its batch normalization and its ReLU are rounded once,
    because LiteRT fuses them. Batch normalization is folded into the convolution or dense layer
    before it, or becomes a 1x1 depthwise convolution, with its moving statistics.

    These stay float, between rounded tensors: layer normalization and sums that only it reads,
    attention scores and their softmax, recurrent layers, custom layers with weights of their own,
    and operations that are unknown here.

    Args:
        model: Any Keras model that is built.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu")])
        >>> [type(layer).__name__ for layer in quantize_aware(model).layers]
        ['InputLayer', 'FakeQuantize', 'FakeQuantizeWeights', 'FakeQuantize']
    """
    checks.models(model=model)
    with trace.settings(model, None):  # float32
        flat = flatten(model)
    return Graph(flat).model()


def untouched(aware: keras.Model) -> list[str]:
    """Return the names of the layers with kernels that stay float."""
    return [
        layer.name
        for layer in aware.layers
        if not isinstance(layer, FakeQuantizeWeights)
        and any(len(weight.shape) > 1 for weight in layer.weights)
    ]


class Graph:
    """Build the rounded graph from a flat one, node by node."""

    def __init__(self, flat):
        self.flat = flat
        depths = flat._nodes_by_depth
        nodes = [node for depth in sorted(depths, reverse=True) for node in depths[depth]]
        self.nodes = [node for node in nodes if not node.is_input]
        self.calls = collections.Counter(id(node.operation) for node in self.nodes)
        self.reading = collections.defaultdict(list)  # id of a tensor -> nodes that read it
        for node in self.nodes:
            for tensor in node.input_tensors:
                self.reading[id(tensor)].append(node)
        for tensor in flat.outputs:
            self.reading[id(tensor)].append(None)
        self.free = left_float(self.nodes, self.readers)
        self.tensors = {}  # id of a tensor -> the new tensor that replaces it
        self.grids = {}  # id of a new tensor -> the `FakeQuantize` that rounded it
        self.twins = {}  # id of a layer -> the layer that replaces it
        self.names = collections.Counter()
        self.done = set()

    def model(self):
        inputs = tree.map_structure(self.input, self.flat._inputs_struct)
        for node in self.nodes:
            if id(node) not in self.done:
                self.convert(node)
        outputs = tree.map_structure(lambda x: self.tensors[id(x)], self.flat._outputs_struct)
        model = keras.Model(inputs, outputs, name=self.flat.name)
        model.output_names = self.flat.output_names  # by which losses are given
        return model

    def input(self, tensor):
        name = tensor._keras_history.operation.name
        x = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        self.tensors[id(tensor)] = self.round(x, name)
        return x

    def convert(self, node):
        operation = node.operation
        args, kwargs = node.arguments.fill_in(self.tensors)
        kwargs.pop("training", None)
        tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]
        if weights.is_supported(operation, len(tensors[0].shape)):
            node, y = self.weighted(node, args, kwargs)
        elif attention.is_supported(operation, args, kwargs):
            y = attention.attend(self, operation, *args, **kwargs)
        else:
            y = self.other(node, tensors[0], args, kwargs)
        for old, new in zip(node.outputs, tree.flatten(y), strict=True):
            self.tensors[id(old)] = new

    def weighted(self, node, args, kwargs):
        """Convert a layer with weights, its normalization and ReLU; return last node and output."""
        layer = node.operation
        activation = getattr(layer, "activation", None)
        norm = self.foldable(node) if activation in (None, keras.activations.linear) else None
        if norm is not None:
            node = self.readers(node)[0]
            self.done.add(id(node))
        kwargs.pop("mask", None)
        y = self.twin(layer, FakeQuantizeWeights, layer.name, norm=norm)(*args, **kwargs)
        if isinstance(layer, layers.Embedding) and not kwargs.get("reverse"):
            return node, y  # rows of a rounded table
        if activation is not None and activation not in weights.FUSED:
            return node, self.activate(activation, self.round(y, layer.name), layer.name)
        return node, y if self.is_fused(node) else self.round(y, node.operation.name)

    def foldable(self, node):
        """Return the batch normalization to fold into this node, or `None`."""
        readers = self.readers(node)
        norm = readers[0].operation if len(readers) == 1 and readers[0] else None
        fits = (
            type(norm) is layers.BatchNormalization
            and type(node.operation) in weights.FOLDS
            and weights.is_supported(norm, len(node.outputs[0].shape))
            and self.calls[id(node.operation)] == self.calls[id(norm)] == 1
        )
        return norm if fits else None

    def other(self, node, x, args, kwargs):
        operation, name = node.operation, node.operation.name
        kind = type(operation).__name__
        if isinstance(operation, layers.Activation):
            return self.activate(operation.activation, x, name)
        if kind == "Silu":
            return self.activate(keras.activations.silu, x, name)
        if normalization.is_supported(operation, len(x.shape)):
            operation = self.twin(operation, normalization.FloatLayerNormalization, name)
        y = operation(*args, **kwargs)
        if kind in MOVES or (kind in SAME_SCALE and id(x) in self.grids):
            return self.like(x, y, kind in SAME_SCALE)
        if id(node) in self.free or (kind in FUSE and self.is_fused(node)):
            return y
        return tree.map_structure(lambda tensor: self.round(tensor, name, kind), y)

    def activate(self, activation, x, name):
        """Apply an activation to a rounded tensor and round the result."""
        if activation is keras.activations.silu:  # LiteRT computes it in two steps
            gate = self.activate(keras.activations.sigmoid, x, f"{name}_gate")
            return self.round(x * gate, name)
        if is_saved(activation):
            y = layers.Activation(activation, name=self.unique(f"{name}_activation"))(x)
        else:  # a partial function; its operations can be saved
            y = activation(x)
        return self.round(y, name, getattr(activation, "__name__", ""))

    def like(self, x, y, again):
        """Give `y` the scale of `x`, rounding to it `again` if the values are new."""
        grid = self.grids.get(id(x))

        def place(tensor):
            if grid is not None and backend.is_float_dtype(tensor.dtype):
                tensor = grid(tensor, training=False) if again else tensor
                self.grids[id(tensor)] = grid
            return tensor

        return tree.map_structure(place, y)

    def round(self, x, name, kind=""):
        if not backend.is_float_dtype(x.dtype):
            return x
        low, high = RANGES.get(kind.lower(), (None, None))
        grid = FakeQuantize(low, high, name=self.unique(f"{name}_int8"))
        y = grid(x)
        self.grids[id(y)] = grid
        return y

    def twin(self, layer, wrapper, name, **options):
        if id(layer) not in self.twins:
            self.twins[id(layer)] = wrapper(layer, name=name, **options)
        return self.twins[id(layer)]

    def unique(self, name):
        self.names[name] += 1
        return name if self.names[name] == 1 else f"{name}_{self.names[name]}"

    def readers(self, node):
        """Return the nodes that read a node's results; `None` stands for the model's output."""
        return [reader for output in node.outputs for reader in self.reading[id(output)]]

    def is_fused(self, node):
        readers = self.readers(node)
        return len(readers) == 1 and readers[0] is not None and is_relu(readers[0].operation)


def kind_of(operation) -> str:
    """Return the class name of an operation, or the function's name for an activation layer."""
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", "")
    return type(operation).__name__


def is_relu(operation) -> bool:
    if isinstance(operation, layers.ReLU):
        plain = not operation.negative_slope and not operation.threshold
        return bool(plain and operation.max_value in (None, 6))
    if isinstance(operation, layers.Activation):
        return operation.activation in (*weights.FUSED[1:], ops.relu, ops.relu6)
    return kind_of(operation) in ("Relu", "Relu6")


def left_float(nodes: Sequence, readers: Callable) -> set[int]:
    """Return the ids of the nodes whose results stay float: only float operations read them.

    The sums between a transformer's layer normalizations then keep their precision. So do the
    scores before a softmax, whose int8 range the mask would fill.

    Args:
        nodes: The nodes of a graph in the order of computation.
        readers: A function that returns the nodes that read a node's results.
    """
    free, computing = set(), set()
    for node in reversed(nodes):
        if kind_of(node.operation) in FREE and all(id(r) in computing for r in readers(node)):
            free.add(id(node))
        elif not _computes_in_float(node):
            continue
        computing.add(id(node))
    return free


def _computes_in_float(node):
    x = node.input_tensors[0]
    if kind_of(node.operation).lower() == "softmax":
        return not weights.is_supported(x._keras_history.operation, len(x.shape))
    return normalization.is_supported(node.operation, len(x.shape))


def is_saved(function) -> bool:
    """Return whether a `.keras` file can refer to a function by name."""
    try:
        keras.saving.serialize_keras_object(function)
    except TypeError:
        return False
    return True
