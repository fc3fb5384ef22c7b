"""Scales of few digits, for smaller files: scales are what a zip hardly shrinks."""

import numpy as np

from kerasdl.export import flatbuffer

LINEAR = {  # where each operator has its input, weights and bias
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}


def shorten(content: bytes) -> bytes:
    """The same file with scales of 8 binary digits in place of 24.

    A small network's scales, one a channel for the weights and one for the biases, are a quarter
    of its zipped file. A weight's rounding error grows from 1/2 step to at most 1.

        value = scale * (integer - zero point)        bias's scale = input's scale * weights' scale

    Biases get new integers and keep their values. A file with operators whose biases are unknown
    here stays as it is.
    """
    model = flatbuffer.read(content)
    for graph in model.subgraphs:
        biases = _biases(model, graph)
        if any(i not in biases and _is_bias(model, t) for i, t in enumerate(graph.tensors)):
            return content
        for index, tensor in enumerate(graph.tensors):
            if index not in biases and _scale(tensor) is not None:
                tensor.quantization.scale = short(_scale(tensor))
        for index, (entry, weights) in biases.items():
            scale = _scale(graph.tensors[entry]) * _scale(graph.tensors[weights])
            _rescale(model, graph.tensors[index], scale)
    return flatbuffer.write(model)


def short(scale: np.ndarray) -> np.ndarray:
    """Rounded to 8 significant binary digits.

    >>> short(np.float32([1.0, 1.001, 1.0078125, 0.1]))
    array([1.        , 1.        , 1.0078125 , 0.10009766], dtype=float32)
    """
    fraction, exponent = np.frexp(np.asarray(scale, "float32"))
    return np.ldexp(np.round(fraction * 256) / 256, exponent).astype("float32")


def _biases(model, graph):
    """Number of each bias, with those of its operator's input and weights."""
    from ai_edge_litert import schema_py_generated as schema

    places = {getattr(schema.BuiltinOperator, name): place for name, place in LINEAR.items()}
    found = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        entry, weights, bias = places.get(code, (0, 0, len(operator.inputs)))
        index = operator.inputs[bias] if bias < len(operator.inputs) else -1
        if index >= 0 and _is_bias(model, graph.tensors[index]):
            found[index] = operator.inputs[entry], operator.inputs[weights]
    return found


def _is_bias(model, tensor):
    from ai_edge_litert import schema_py_generated as schema

    integers = (schema.TensorType.INT32, schema.TensorType.INT64)
    constant = model.buffers[tensor.buffer].data is not None
    return constant and tensor.type in integers and _scale(tensor) is not None


def _scale(tensor):
    scale = tensor.quantization and tensor.quantization.scale
    return scale if scale is not None and len(scale) else None


def _rescale(model, tensor, scale):
    from ai_edge_litert import schema_py_generated as schema

    kind = {schema.TensorType.INT32: "int32", schema.TensorType.INT64: "int64"}[tensor.type]
    buffer = model.buffers[tensor.buffer]
    values = np.frombuffer(bytes(buffer.data), kind) * np.asarray(_scale(tensor), "float64")
    integers = np.round(values / scale).astype(kind)
    buffer.data = np.frombuffer(integers.tobytes(), "uint8")
    tensor.quantization.scale = np.asarray(scale, "float32")
