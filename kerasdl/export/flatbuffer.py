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


def weight_bytes(content: bytes) -> dict[str, int]:
    """Return the bytes of a file's constant tensors by their type, such as FLOAT32 or INT8."""
    found: collections.Counter[str] = collections.Counter()
    for _, kind, size, _ in _constants(content):
        found[kind] += size
    return dict(found)


def weights(content: bytes) -> list[tuple[str, int]]:
    """Return the type and the bytes of each weight tensor of a file, without biases.

    Weights are constants of at least two dimensions. One that several operators use counts once.
    """
    found = {buffer: (kind, size) for buffer, kind, size, rank in _constants(content) if rank > 1}
    return list(found.values())


def _constants(content):
    """Give buffer, type, bytes and number of dimensions of each constant tensor."""
    from ai_edge_litert import schema_py_generated as schema

    types = {number: name for name, number in vars(schema.TensorType).items() if name.isupper()}
    model = schema.Model.GetRootAs(content, 0)
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            size = buffer.Size() if buffer.Offset() > 1 else buffer.DataLength()
            if size:
                yield tensor.Buffer(), types[tensor.Type()], size, tensor.ShapeLength()


def in_order(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return a file whose inputs and outputs have the given order.

    A converter has an order of its own: it sorts by name, so that `input_10` comes before
    `input_2`, or by where its graph uses them.

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


def with_shared_buffers(content: bytes) -> bytes:
    """Store constants with equal bytes once, such as the kernel of a layer that is called twice."""
    model = read(content)
    taken = {0, *(entry.buffer for entry in model.metadata or ())}
    first: dict[bytes, int] = {}
    places = {}
    for index, buffer in enumerate(model.buffers):
        if index not in taken and buffer.data is not None and len(buffer.data):
            places[index] = first.setdefault(bytes(buffer.data), index)
    if len(first) == len(places):
        return content
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = places.get(tensor.buffer, tensor.buffer)
    for index, place in places.items():
        if index != place:
            model.buffers[index].data = None
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
