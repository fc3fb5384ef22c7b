"""LiteRT files as objects: a tree of tables that can be changed and written again."""

import collections

import numpy as np


def read(content: bytes):
    """The model as objects of LiteRT's schema, with its weights, wherever the file keeps them."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:  # behind the flatbuffer, where ai-edge-quantizer puts 256 kB and more
            buffer.data = np.frombuffer(content, "uint8", buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def write(model) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def operators(content: bytes) -> dict[str, int]:
    """How often each operator stands in a file; `custom:NAME` for what is not built in."""
    from ai_edge_litert import schema_py_generated as schema

    names = {n: name for name, n in vars(schema.BuiltinOperator).items() if type(n) is int}
    model = schema.Model.GetRootAs(content, 0)
    counts = collections.Counter()
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            # small codes once had a byte of their own
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            is_custom = name == "CUSTOM"
            counts[f"custom:{code.CustomCode().decode()}" if is_custom else name] += 1
    return dict(counts.most_common())


def without_names(content: bytes) -> bytes:
    """The same file without the names of inner tensors, which a phone has no use for.

    Inputs and outputs keep theirs, and signatures name them as before.
    """
    model = read(content)
    for graph in model.subgraphs:
        border = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in border:
                tensor.name = b""
    return write(model)
