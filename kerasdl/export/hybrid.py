"""Weights of 8 bits for what an int8 file still computes in floats, such as a recurrent layer."""

import collections

import numpy as np

from kerasdl.export import flatbuffer

SMALLEST = 1024  # weights; fewer are not worth it
FEW = 256  # different weights: they share one scale, so that they stay few
VERSION = 12  # of the operator, from which on its int8 weights may have a scale for each output


def shrink(content: bytes) -> bytes:
    """The same file, in which large float products have int8 weights.

    The converter does so for "dynamic", but leaves a file alone that was trained in 8 bits. Each
    output has a scale of its own, but clusters share one; zeros stay zeros. Inputs are rounded as
    they come, results are floats.

        s_i = max |w_i| / 127        q_i = round(w_i / s_i)
    """
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    product = schema.BuiltinOperator.FULLY_CONNECTED
    products, reads = collections.defaultdict(list), collections.Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
            reads.update(tensor.buffer for tensor in tensors)
            code = model.operatorCodes[operator.opcodeIndex]
            is_float = all(tensor.type == schema.TensorType.FLOAT32 for tensor in tensors)
            if code.builtinCode == product and is_float:
                products[tensors[1].buffer].append((code, operator, tensors[1]))
    for number, users in products.items():
        data = model.buffers[number].data
        if data is None or len(data) < 4 * SMALLEST or len(users) < reads[number]:
            continue
        weights = np.frombuffer(bytes(data), "float32").reshape(users[0][2].shape)
        largest = np.abs(weights).max(1)
        if len(np.unique(weights)) <= FEW:
            largest[:] = largest.max()
        scale = np.maximum(largest, 1e-12) / 127
        rounded = np.round(weights / scale[:, None]).astype("int8")
        model.buffers[number].data = np.frombuffer(rounded.tobytes(), "uint8")
        for code, operator, tensor in users:
            code.version = max(code.version, VERSION)
            operator.builtinOptions.asymmetricQuantizeInputs = True
            tensor.type = schema.TensorType.INT8
            tensor.quantization = schema.QuantizationParametersT(
                scale=scale, zeroPoint=np.zeros(len(scale), "int64"), quantizedDimension=0
            )
    return flatbuffer.write(model)
