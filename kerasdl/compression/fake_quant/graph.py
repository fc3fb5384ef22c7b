"""From any model to one that computes as its int8 file will."""

import collections

import keras
from keras import layers, tree
from keras.src import backend

from kerasdl.compression.fake_quant import attention, kinds, normalization, operations
from kerasdl.compression.fake_quant.activations import FakeQuantize
from kerasdl.compression.fake_quant.weights import FakeQuantizeWeights
from kerasdl.compression.flattening import flatten
from kerasdl.export import trace


def quantize_aware(model: keras.Model) -> keras.Model:
    """The model with its weights and activations rounded to int8, sharing its variables.

    The ranges of the activations are still empty: `calibrate` measures them, and `train_aware`
    does all of it.

    Kernels have one scale for each output channel, embeddings one in all; tensors have one scale
    and a zero point. An operation, its batch normalization and its ReLU are rounded once, as LiteRT
    fuses them. Batch normalization becomes part of the convolution or dense layer before it, or a
    1x1 depthwise convolution, with the statistics it has learned.

    Float stay, between rounded tensors: layer normalization and the sums that only it reads, scores
    of attention and their softmax, recurrent layers, custom layers with weights of their own, and
    what is not known here.

    Args:
        model: Any Keras model that is built.
    """
    with trace.settings(model, None):  # float32
        flat = flatten(model)
    return Graph(flat).model()


def untouched(aware: keras.Model) -> list[str]:
    """Names of the layers with kernels that stayed float."""
    return [
        layer.name
        for layer in aware.layers
        if not isinstance(layer, FakeQuantizeWeights)
        and any(len(weight.shape) > 1 for weight in layer.weights)
    ]


class Graph:
    """One pass over a flat graph, node by node, that builds the rounded one."""

    def __init__(self, flat):
        self.flat = flat
        depths = flat._nodes_by_depth
        nodes = [node for depth in sorted(depths, reverse=True) for node in depths[depth]]
        self.nodes = [node for node in nodes if not node.is_input]
        self.calls = collections.Counter(id(node.operation) for node in self.nodes)
        self.reading = collections.defaultdict(list)  # tensor -> nodes that read it
        for node in self.nodes:
            for tensor in node.input_tensors:
                self.reading[id(tensor)].append(node)
        for tensor in flat.outputs:
            self.reading[id(tensor)].append(None)
        self.free = kinds.left_float(self.nodes, self.readers)
        self.tensors = {}  # tensor -> the new one in its place
        self.grids = {}  # new tensor -> the `FakeQuantize` on whose values it is
        self.twins = {}  # layer -> what computes in its place
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
        if operations.is_supported(operation, len(tensors[0].shape)):
            node, y = self.weighted(node, args, kwargs)
        elif attention.is_supported(operation, args, kwargs):
            y = attention.attend(self, operation, *args, **kwargs)
        else:
            y = self.other(node, tensors[0], args, kwargs)
        for old, new in zip(node.outputs, tree.flatten(y), strict=True):
            self.tensors[id(old)] = new

    def weighted(self, node, args, kwargs):
        """The last node of the group that is rounded together, and its output."""
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
        if activation is not None and activation not in operations.FUSED:
            return node, self.activate(activation, self.round(y, layer.name), layer.name)
        return node, y if self.is_fused(node) else self.round(y, node.operation.name)

    def foldable(self, node):
        """The batch normalization that reads this node and nothing else."""
        readers = self.readers(node)
        norm = readers[0].operation if len(readers) == 1 and readers[0] else None
        fits = (
            type(norm) is layers.BatchNormalization
            and type(node.operation) in operations.FOLDS
            and operations.is_supported(norm, len(node.outputs[0].shape))
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
        if kind in kinds.MOVES or (kind in kinds.SAME_SCALE and id(x) in self.grids):
            return self.like(x, y, kind in kinds.SAME_SCALE)
        if id(node) in self.free or (kind in kinds.FUSE and self.is_fused(node)):
            return y
        return tree.map_structure(lambda tensor: self.round(tensor, name, kind), y)

    def activate(self, activation, x, name):
        """A rounded tensor through an activation, rounded again."""
        if activation is keras.activations.silu:  # LiteRT computes it in two steps
            gate = self.activate(keras.activations.sigmoid, x, f"{name}_gate")
            return self.round(x * gate, name)
        if kinds.is_saved(activation):
            y = layers.Activation(activation, name=self.unique(f"{name}_activation"))(x)
        else:  # a partial function, of operations that can be saved
            y = activation(x)
        return self.round(y, name, getattr(activation, "__name__", ""))

    def like(self, x, y, again):
        """Tensors on the values of `x`, to which they are rounded `again` if they left them."""
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
        low, high = kinds.RANGES.get(kind.lower(), (None, None))
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
        """The nodes that read a node's results; `None` stands for the caller."""
        return [reader for output in node.outputs for reader in self.reading[id(output)]]

    def is_fused(self, node):
        readers = self.readers(node)
        return len(readers) == 1 and readers[0] is not None and kinds.is_relu(readers[0].operation)
