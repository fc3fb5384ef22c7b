"""Operators of a LiteRT file are counted by name, with the codes of old and new files."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from kerasdl.export import flatbuffer


def file_of(*codes):
    """Make a file of one graph that uses each operator code once."""
    operators = []
    for index in range(len(codes)):
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = index, [], []
        operators.append(operator)
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], operators
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], []
    model.operatorCodes = []
    for code in codes:
        made = schema.OperatorCodeT()
        made.deprecatedBuiltinCode, made.builtinCode, made.customCode = code
        model.operatorCodes.append(made)
    return flatbuffer.write(model)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (9, 0, "FULLY_CONNECTED"),  # files from before 2020 have only the old field
        (9, 9, "FULLY_CONNECTED"),
        (127, 130, "BROADCAST_TO"),  # 127 in the old field (8 bits) means that the code is larger
        (0, 0, "ADD"),
    ],
)
def test_operator_names_in_old_and_new_files(old, new, name):
    assert flatbuffer.operators(file_of((old, new, None))) == {name: 1}


def test_operators_are_counted_and_custom_operators_keep_their_names():
    add, custom = (0, 0, None), (32, 32, b"FlexErf")
    found = flatbuffer.operators(file_of(add, custom, add, add, custom))
    assert found == {"ADD": 3, "custom:FlexErf": 2}
    assert list(found) == ["ADD", "custom:FlexErf"]  # the most frequent one first


def graph_of(*names, inputs=(), outputs=()):
    """Make a graph of tensors with the given names."""
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    for name in names:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, [1], 0
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    return graph


def model_of(*graphs, buffers=()):
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, list(graphs), []
    model.buffers = [schema.BufferT(), *buffers]
    return model


def test_only_names_of_inner_tensors_are_removed():
    first = graph_of(b"x", b"inner", b"y", b"z", inputs=[0], outputs=[2, 3])
    second = graph_of(b"a", b"b", inputs=[1], outputs=[1])
    content = flatbuffer.without_names(flatbuffer.write(model_of(first, second)))
    assert content[4:8] == b"TFL3"
    names = [
        [tensor.name or b"" for tensor in graph.tensors]
        for graph in flatbuffer.read(content).subgraphs
    ]
    assert names == [[b"x", b"", b"y", b"z"], [b"", b"b"]]


def test_data_after_the_flatbuffer_are_read_into_their_buffers():
    outer, inner = schema.BufferT(), schema.BufferT()
    inner.data = np.arange(4, dtype="uint8")
    outer.offset, outer.size = 2, 3  # replaced below; zeros would take less space
    model = model_of(buffers=[outer, inner])
    start = len(flatbuffer.write(model)) + 5
    outer.offset = start
    content = flatbuffer.write(model) + b"_____" + b"abc" + b"more"
    found = flatbuffer.read(content).buffers
    assert [bytes(buffer.data) for buffer in found[1:]] == [b"abc", bytes(range(4))]
    assert (found[1].offset, found[1].size) == (0, 0)
    again = flatbuffer.read(flatbuffer.write(flatbuffer.read(content)))
    assert bytes(again.buffers[1].data) == b"abc"


def test_operators_of_all_graphs_are_counted():
    model = flatbuffer.read(file_of((0, 0, None), (9, 9, None)))
    model.subgraphs = model.subgraphs * 2
    assert flatbuffer.operators(flatbuffer.write(model)) == {"ADD": 2, "FULLY_CONNECTED": 2}
