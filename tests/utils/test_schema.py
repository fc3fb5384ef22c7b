"""Declarations of JSON files, and the values that they refuse."""

import json
import math

import pytest

from kerasdl.errors import InvalidInput
from kerasdl.utils import schema

DECLARED = {
    "name": schema.is_text,
    "limit?": schema.optional(schema.is_finite),
    "parts": schema.listed({"size": schema.is_count}),
    "numbers": {"*": schema.is_float},
}
RIGHT = {"name": "a", "parts": [{"size": 3}], "numbers": {"x": math.inf, "y": 1}}


@pytest.mark.parametrize("change", [{}, {"limit": None}, {"limit": 0.5}, {"parts": []}])
def test_values_that_match_are_accepted(change):
    schema.check({**RIGHT, **change}, DECLARED)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "`name`: None"),
        ({"limit": math.nan}, "`limit`: nan"),
        ({"limit": True}, "`limit`: True"),
        ({"parts": {}}, "`parts`: {}"),
        ({"parts": [{"size": -1}]}, "`parts`"),
        ({"parts": [{}]}, "`parts`"),
        ({"numbers": {"x": "1"}}, "`numbers.x`: 1"),
        ({"numbers": {"x": 10**400}}, "`numbers.x`"),
        ({"numbers": []}, "`numbers`: \\[\\]"),
        ({"other": 1}, "`other`, which is unknown"),
    ],
)
def test_values_that_do_not_match_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        schema.check({**RIGHT, **change}, DECLARED)
    with pytest.raises(ValueError, match="no `name`"):
        schema.check({}, DECLARED)


@pytest.mark.parametrize("shape", [[8, 8, 1], [None, 3], [[8, 8, 1], [4]], {"nodes": [3, 4]}, []])
def test_shapes_are_recognized(shape):
    assert schema.is_shape(shape)


@pytest.mark.parametrize("shape", [None, 8, "88", [-1], [2.5], [True], [[8], 8], {}, ["a"]])
def test_other_values_are_not_shapes(shape):
    assert not schema.is_shape(shape)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"name": 3}', "\0", "9" * 5000])
def test_damaged_file_gives_one_short_line(text, tmp_path):
    file = tmp_path / "values.json"
    file.write_text(text)
    with pytest.raises(
        InvalidInput, match=r"values.json`\. Expected what `kerasdl tune` wrote"
    ) as e:
        schema.read(file, DECLARED, "tune")
    assert "\n" not in str(e.value) and len(str(e.value)) < 400
    file.write_text(json.dumps(RIGHT))
    assert schema.read(file, DECLARED) == RIGHT
