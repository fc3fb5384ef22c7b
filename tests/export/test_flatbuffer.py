"""Operators of a LiteRT file are counted by name, with the codes of old and new files."""

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
