"""Finite masks for attention in integers.

Where a float network writes minus infinity over the scores of tokens that must not be seen, the
range of 256 integers would have to reach down to it: all other scores would become one. A bound
just below the smallest score does the same after the softmax.
"""

import numpy as np

from kerasdl.export import flatbuffer

INFINITE = -1e4  # no score of a trained network is below it
MARGIN = 12.0  # exp(-12) is 6e-6


def bounded(content: bytes, ranges: dict) -> bytes:
    """A float file whose masks are bounded; the same bytes where it has none.

    Args:
        content: The file.
        ranges: Smallest and largest value of each tensor by name, as ai-edge-quantizer has them.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    kinds = {
        schema.BuiltinOperator.SELECT_V2,
        schema.BuiltinOperator.SELECT,
        schema.BuiltinOperator.ADD,
    }
    found = {}  # number of a buffer with minus infinity in it -> bounds that its users want
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            if code not in kinds:
                continue
            tensors = [graph.tensors[index] for index in operator.inputs]
            masks = [tensor for tensor in tensors if _is_mask(model, tensor)]
            others = [ranges[_name(t)] for t in tensors if t not in masks and _name(t) in ranges]
            if masks and others:
                lowest = min(float(np.min(other["min"])) for other in others)
                highest = max(float(np.max(other["max"])) for other in others)
                is_sum = code == schema.BuiltinOperator.ADD
                bound = (lowest - highest if is_sum else lowest) - MARGIN
                found.setdefault(masks[0].buffer, []).append(bound)
    if not found:
        return content
    for number, bounds in found.items():
        values = np.frombuffer(bytes(model.buffers[number].data), "float32")
        values = np.maximum(values, np.float32(min(bounds)))
        model.buffers[number].data = np.frombuffer(values.tobytes(), "uint8")
    return flatbuffer.write(model)


def _is_mask(model, tensor):
    data = model.buffers[tensor.buffer].data
    if tensor.type != 0 or data is None or not len(data):  # 0 is float32
        return False
    return np.frombuffer(bytes(data), "float32").min() < INFINITE


def _name(tensor):
    return tensor.name.decode()
