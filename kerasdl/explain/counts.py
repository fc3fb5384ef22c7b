"""Count a network's parameters and multiply-accumulates (MACs)."""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from kerasdl import errors
from kerasdl.utils import checks


class Parameters(NamedTuple):
    """Numbers of a model's parameters."""

    trainable: int
    total: int


def parameters(model: keras.Model) -> Parameters:
    """Count the trainable and all parameters of a model.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> parameters(model)
        Parameters(trainable=15, total=15)
    """
    checks.models(model=model)
    return Parameters(*(_size(weights) for weights in (model.trainable_weights, model.weights)))


def _size(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def macs(
    model: keras.Model, input_shape: tuple[int, ...] | list[tuple[int, ...]] | None = None
) -> int:
    """Count the multiply-accumulates of one inference of one input.

    Floating-point operations are about twice as many. Convolutions (grouped, depthwise, transposed,
    of any dimension) and matrix products (dense layers, attention, einsum) are counted in the
    model's TensorFlow graph, so any model that can be called is counted correctly. A loop, as in
    recurrent layers, counts once for each step; of the branches of a condition the largest counts.
    Elementwise operations, normalization, pooling, look-ups and operations on which no output
    depends are not counted. TensorFlow pads a dilated convolution to multiples of the dilation, and
    the padded size is counted.

        convolution: outputs * kernel height * kernel width * input channels / groups
        matrix product (m, k) (k, n): m * k * n

    Args:
        model: `keras.Model`.
        input_shape: tuple, shape of an input without the batch, or a list of them for several
            inputs; by default those of the model's `keras.Input`.

    >>> macs(keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(6, 5)]))
    86400
    """
    checks.models(model=model)
    shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    for shape in [] if input_shape is None else shapes:
        checks.shapes(known=True, input_shape=shape)
    given = _specification(model, input_shape)
    function = tf.function(lambda inputs: model(inputs, training=False))
    return _count(function.get_concrete_function(given).graph)


def _specification(model, input_shape):
    inputs = getattr(model, "inputs", None)
    if input_shape is not None:
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        dtypes = [tensor.dtype for tensor in inputs or ()] or ["float32"] * len(shapes)
        names = [tensor.name for tensor in inputs or ()] or [None] * len(shapes)
        inputs = [
            keras.KerasTensor((None, *shape), dtype, name=name)
            for shape, dtype, name in zip(shapes, dtypes, names, strict=True)
        ]
    elif not inputs:
        expected = "the shape of an input, because this model has no `keras.Input`"
        raise errors.InvalidInput("value for argument `input_shape`", expected, None)
    by_name = {tensor.name: _fixed(tensor) for tensor in inputs}
    return by_name if len(inputs) > 1 else _fixed(inputs[0])


def _fixed(tensor):
    if None in tensor.shape[1:]:
        expected = f"a shape without None for the input {tensor.shape[1:]}"
        raise errors.InvalidInput("value for argument `input_shape`", expected, None)
    return tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype)


def _count(graph):
    return sum(map(_operation, _reachable(graph)))


def _reachable(graph):
    """Return the operations on which an output of the graph depends."""
    found, waiting = set(), [tensor.op for tensor in graph.outputs]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting.extend(tensor.op for tensor in operation.inputs)
    return found


def _operation(operation):
    called = list(_functions(operation))
    if called:
        times = _steps(operation) if operation.type in ("While", "StatelessWhile") else 1
        return times * max(map(_count, called))
    shapes = [tensor.shape for tensor in operation.inputs]
    match operation.type:
        case "Conv2D" | "Conv3D":  # kernel: (height, width, channels / groups, filters)
            return _product(operation.outputs[0].shape, shapes[1][:-1])
        case "DepthwiseConv2dNative":  # kernel: (height, width, channels, multiplier)
            return _product(operation.outputs[0].shape, shapes[1][:2])
        case "Conv2DBackpropInput" | "Conv3DBackpropInputV2":  # transposed: each input is spread
            return _product(shapes[2], shapes[1][:-1])
        case "MatMul":
            summed = 0 if operation.get_attr("transpose_a") else 1
            return _product(operation.outputs[0].shape, shapes[0][summed : summed + 1])
        case "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3":
            summed = -2 if operation.get_attr("adj_x") else -1
            return _product(operation.outputs[0].shape, [shapes[0][summed]])
        case "Einsum":
            return _einsum(operation.get_attr("equation").decode(), shapes, operation.outputs[0])
    return 0


def _einsum(equation, shapes, output):
    """Count products: each output element is a sum over the indices that the output lacks."""
    terms, result = equation.split("->")
    sizes = {}
    for term, shape in zip(terms.split(","), shapes, strict=True):
        before, _, after = term.partition("...")
        sizes |= dict(zip(before, shape, strict=False))
        sizes |= dict(zip(reversed(after), reversed(shape), strict=False))
    summed = [size for letter, size in sizes.items() if letter not in result]
    return _product(output.shape, summed) if len(shapes) > 1 else 0


def _product(*shapes):
    sizes = [size for shape in shapes for size in shape]
    if None in sizes:
        expected = "one that determines every size in the graph"
        raise errors.InvalidInput("value for argument `input_shape`", expected, "an unknown size")
    return math.prod(sizes)


def _functions(operation):
    """Return the graphs of the functions that a call, loop or condition runs."""
    for attribute in operation.op_def.attr:
        if attribute.type in ("func", "list(func)"):
            value = operation.get_attr(attribute.name)
            for function in value if isinstance(value, list) else [value]:
                yield operation.graph._get_function(function.name).graph


def _steps(loop):
    """Return the number of steps of a `tf.while_loop`, whose second input is the largest."""
    with tf.compat.v1.Session(graph=loop.graph) as session:
        try:
            steps = int(session.run(loop.inputs[1]))
        except tf.errors.InvalidArgumentError:  # it depends on the inputs
            steps = -1
    if steps < 0:
        raise errors.InvalidInput("model", "loops with a known number of steps", loop.name)
    return steps
