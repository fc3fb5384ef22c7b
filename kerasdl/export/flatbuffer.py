"""Read, change and write the flatbuffer in a LiteRT file."""

import collections
from collections.abc import Sequence

import numpy as np


def read(content: bytes):
    """Return a file's model as objects of LiteRT's schema, which can be changed and written."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        # ai-edge-quantizer stores large weights, from 256 kB on, after the flatbuffer
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, "uint8", buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def write(model) -> bytes:
    """Return the bytes of a file with the given model."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def operators(content: bytes) -> dict[str, int]:
    """Count each operator of a file. Custom operators are named `custom:NAME`."""
    from ai_edge_litert import schema_py_generated as schema

    names = {n: name for name, n in vars(schema.BuiltinOperator).items() if type(n) is int}
    model = schema.Model.GetRootAs(content, 0)
    counts: collections.Counter[str] = collections.Counter()
    graphs = [model.Subgraphs(number) for number in range(model.SubgraphsLength())]
    if sum(graph.OperatorsLength() for graph in graphs) > len(content):
        raise ValueError("more operators than bytes")
    for graph in graphs:
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            # old files store codes below 127 in another field
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            is_custom = name == "CUSTOM"
            counts[f"custom:{code.CustomCode().decode()}" if is_custom else name] += 1
    return dict(counts.most_common())


def in_order(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return a file whose inputs and outputs have the given order.

    A converter sorts them by name, so `input_10` comes before `input_2`.

    Args:
        content: The bytes of the file.
        inputs: Names of the signature's inputs in the order of the model.
        outputs: Names of its outputs.
    """
    model = read(content)
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]

    def sort(names, tensors, indices):
        places = {t.tensorIndex: names.index(t.name.decode()) for t in reversed(tensors)}
        return sorted(indices, key=places.__getitem__)

    graph.inputs = sort(inputs, signature.inputs, graph.inputs)
    graph.outputs = sort(outputs, signature.outputs, graph.outputs)
    return write(model)


def without_names(content: bytes) -> bytes:
    """Remove the names of inner tensors, which are not needed to run a file.

    Inputs, outputs and signatures keep their names.
    """
    model = read(content)
    for graph in model.subgraphs:
        border = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in border:
                tensor.name = b""
    return write(model)
