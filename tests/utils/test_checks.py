"""Checks of arguments: what each kind accepts, and the three parts of its message."""

import json
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from kerasdl.errors import InvalidInput, one_of
from kerasdl.utils import checks

NAMES = [f"name{i}" for i in range(40)] + ["moons", "iris"]


@pytest.mark.parametrize(
    ("check", "options", "right", "wrong"),
    [
        (checks.integers, {}, [1, 7, np.int64(3)], [0, -1, 1.5, "3", True, None, (2,)]),
        (checks.integers, {"at_least": 0, "below": 3}, [0, 2], [3, -1]),
        (checks.integers, {"optional": True}, [None, 2], [0]),
        (checks.numbers, {"above": 0, "at_most": 1}, [0.5, 1], [0, 2, float("nan"), True, "1"]),
        (checks.numbers, {}, [np.float32(0.5), np.int8(3)], [np.float32("nan"), np.bool_(True)]),
        (checks.learning_rates, {}, [1e-3, np.float16(0.1)], [0, -1, float("nan"), 1e300]),
        (checks.fractions, {}, [0, 0.5], [1, -0.1, float("inf"), None]),
        (checks.fractions, {"one": True}, [1, 0.5], [1.1]),
        (checks.flags, {}, [True, False, np.bool_(True)], [0, None, "yes", np.int64(1)]),
        (checks.texts, {}, ["a"], ["", 3, None]),
        (checks.texts, {"empty": True}, ["", "a"], [3, None]),
        (checks.paths, {}, ["a", pathlib.Path("a")], ["", "a\0", 3, None, b"a"]),
        (checks.paths, {"optional": True}, [None], [""]),
        (checks.datasets, {}, [tf.data.Dataset.range(3)], [None, [1], "a"]),
        (checks.arrays, {}, [np.ones(3), [1, 2], {"a": np.ones(2)}], [3, "a", [], None, ["a"]]),
        (checks.callables, {}, [len, lambda: 0], [int, 3, None]),
        (checks.integer_tuples, {}, [(1,), [2, 3]], [(), 3, (0,), (1.5,), "12"]),
        (checks.integer_tuples, {"length": 2}, [(1, 2)], [(1,), (1, 2, 3)]),
        (checks.positive_tuples, {}, [(1,), [0.5, 2]], [(), 3, (0,), ("1",), (float("nan"),)]),
        (checks.positive_tuples, {"length": 2}, [(1, 0.5)], [(1,), (1, 2, 3)]),
        (checks.sizes, {}, [3, (1, 7), [5, 2]], [0, (1,), (1, 2, 3), (0, 1), "same"]),
        (checks.shapes, {"rank": 2}, [(None, 3)], [(3,), 5, (0, 2), (1, 2, 3)]),
        (checks.shapes, {"known": True}, [(4, 3)], [(None, 3), ()]),
        (checks.image_shapes, {"smallest": 4}, [(4, 8, 3)], [(3, 8, 3), (None, 8, 3), (8, 8)]),
        (checks.image_shapes, {"any_size": True}, [(None, None, 1)], [(None, None, None)]),
        (checks.activations, {}, ["relu", None, tf.nn.relu], ["no_such", 3]),
    ],
)
def test_each_check_accepts_right_values_and_names_wrong_ones(check, options, right, wrong):
    for value in right:
        check(**options, size=value)
    for value in wrong:
        with pytest.raises(InvalidInput) as raised:
            check(**options, size=value)
        message = str(raised.value)
        assert "`size`. Expected " in message and message.endswith(f"Received: {value!r}")


def test_tensor_shapes_are_accepted():
    checks.inputs(object(), tf.TensorShape([None, 8, 8, 3]), "batch, height, width, channels")
    with pytest.raises(InvalidInput, match="known channels"):
        checks.inputs(object(), tf.TensorShape([1, 8, 8, None]), "batch, height, width, channels")
    with pytest.raises(InvalidInput, match="input of object"):
        checks.inputs(object(), [(1, 2), (1, 2)], "batch, width")


def test_all_of_few_names_and_similar_ones_of_many_are_suggested():
    with pytest.raises(InvalidInput, match=r"one of a, b\. Received: c"):
        one_of("letter", "c", ["b", "a"])
    with pytest.raises(InvalidInput) as raised:
        one_of("dataset", "moon", NAMES, "kerasdl list data")
    assert "one of 42 names (did you mean moons?; `kerasdl list data` lists them)" in str(
        raised.value
    )
    with pytest.raises(InvalidInput, match="did you mean name30 or name31 or name32"):
        one_of("dataset", "name3", [*NAMES[:3], *NAMES[4:]])
    with pytest.raises(InvalidInput, match="`kerasdl list data` lists them"):
        one_of("dataset", "xyz", NAMES, "kerasdl list data")


def test_integer_larger_than_any_float_is_refused():
    with pytest.raises(InvalidInput, match="a finite number"):
        checks.numbers(rate=10**400)
    with pytest.raises(InvalidInput, match="Received: int too long to print"):
        checks.numbers(rate=10**5000)


def test_numpy_numbers_become_python_numbers():
    given = {"widths": (np.int64(8), [np.float32(0.5)]), "flag": np.bool_(True), "name": "a"}
    found = checks.plain(given)
    assert found == {"widths": (8, [0.5]), "flag": True, "name": "a"}
    assert type(found["widths"][0]) is int and type(found["flag"]) is bool
    assert json.dumps(found)
    array = np.ones(3)
    assert checks.plain(array) is array


def test_too_large_memory_is_refused_with_limit_and_reason():
    checks.memory(10**6, count=1)
    with pytest.raises(InvalidInput) as raised:
        checks.memory(8 * 10**15, count=10**12, steps=1000)
    expected = r"values for `count` and `steps`. Expected what fits into [\d.,]+ GB, half of this "
    expected += r"machine's memory\. Received: 1000000000000, 1000, which would take 8,000,000.0 GB"
    assert re.search(expected, str(raised.value))


def test_long_value_is_cut_to_one_short_line():
    with pytest.raises(InvalidInput) as raised:
        checks.integers(size=np.arange(1000).reshape(10, 100))
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300
