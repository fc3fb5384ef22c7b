"""Limits of the reader of tables, and whole messages."""

import pytest

from kerasdl.data.bad_examples import Inspection
from kerasdl.data.columns import Column
from kerasdl.data.readers import table
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


def written(tmp_path, header, rows):
    path = tmp_path / "x.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def message_of(path, **options):
    with pytest.raises(InvalidInput) as raised:
        table.read(path, 0, **options)
    return str(raised.value)


@pytest.mark.parametrize(("different", "task"), [(20, "classification"), (21, "regression")])
def test_twenty_different_integers_are_classes(different, task, tmp_path):
    path = written(tmp_path, "a,b", [f"{i},{i % different}" for i in range(10 * different)])
    source = table.read(path, 0, target="b")
    assert source.task == task and source.target == "b"
    if task == "classification":
        assert source.classes == tuple(map(str, range(20)))


def test_fractions_are_no_classes(tmp_path):
    path = written(tmp_path, "a,b", [f"{i},{i % 3 / 2}" for i in range(30)])
    assert table.read(path, 0, target="b").task == "regression"


def test_default_fractions_are_a_tenth_and_a_fifth(tmp_path):
    path = written(tmp_path, "a,b", [f"{i},{i % 2}" for i in range(100)])
    assert table.read(path, 0, target="b").counts() == {"train": 70, "validation": 10, "test": 20}


@pytest.mark.parametrize(("wrong", "numbers"), [(1, True), (2, False)])
def test_columns_are_numbers_if_nine_tenths_of_the_values_are(wrong, numbers):
    column = ["1.5"] * (10 - wrong) + ["x"] * wrong + ["", "NA"]  # blanks are no values
    assert table._form(column) == (table.NUMBERS if numbers else table.WORDS)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("3.4028234e38", True),
        ("-3.4028234e38", True),
        ("3.41e38", False),
        ("nan", False),
        ("-inf", False),
        ("", False),
        ("1,5", False),
        ("-0", True),
    ],
)
def test_numbers_fit_into_float32(value, holds):
    assert table._is_number(value) is holds


@pytest.mark.parametrize("missing", ["", "  ", "nan", "NaN", "NAN", "NA", "N/A", "?", "NULL"])
def test_missing_targets_are_named(missing, tmp_path):
    path = written(tmp_path, "a,b", [*[f"{i},{i % 2}" for i in range(20)], f"1,{missing}"])
    received = missing.strip() or "none"
    assert message_of(path, target="b") == (
        f"Invalid line 22 of `{path}`. Expected a value for column `b`. Received: {received} "
        "(--skip-bad, `skip_bad=True`, leaves it out)"
    )


@pytest.mark.parametrize(
    ("header", "rows", "target", "message"),
    [
        (
            "a,b",
            ["1,0", "1", "2,1"],
            "b",
            "line 3 of `PATH`. Expected 2 values. Received: 1: ['1'] (--skip-bad, "
            "`skip_bad=True`, leaves it out)",
        ),
        (
            "a,b",
            [*["1,0"] * 20, "x,1"],
            "b",
            "line 22 of `PATH`. Expected a number for column `a`. Received: x (--skip-bad, "
            "`skip_bad=True`, leaves it out)",
        ),
        ("a,a,b", ["1,2,3"], "b", "file `PATH`. Expected one column of a name. Received: two `a`"),
        (
            "a,b",
            [],
            "b",
            "file `PATH`. Expected a line of names and lines of values. Received: 1 lines",
        ),
        ("b", ["0", "1"], "b", "file `PATH`. Expected a column besides the target. Received: b"),
        (
            "a,b",
            ["1,x", "2,x"],
            "b",
            "target of `PATH`. Expected at least two classes. Received: ('x',)",
        ),
        (
            "a,b",
            ["1,x", "2,y"],
            "b",
            "file `PATH`. Expected enough lines to train and to test. Received: 2 lines",
        ),
        (
            "a,b",
            ["1,x", "2,y"],
            3,
            "target of `PATH`. Expected option `target` to be one of the columns a, b. Received: 3",
        ),
    ],
)
def test_whole_messages(header, rows, target, message, tmp_path):
    path = written(tmp_path, header, rows)
    assert message_of(path, target=target) == f"Invalid {message.replace('PATH', str(path))}"


def test_other_encodings_are_named(tmp_path):
    path = tmp_path / "x.csv"
    for content, received in (
        (b"gr\xfcn,b\n1,2\n", r"line 1 of `PATH`. Expected text in UTF-8. Received: b'gr\xfcn,b'"),
        (
            b"a,b\n1,gr\xfcn\n1,2\n",
            r"line 2 of `PATH`. Expected text in UTF-8. Received: b'gr\xfcn' (--skip-bad, "
            "`skip_bad=True`, leaves it out)",
        ),
        (
            b"\xff\xfea\0",
            "file `PATH`. Expected comma-separated text in UTF-8. Received: UTF-16",
        ),
        (
            b"\xfe\xff\0a",
            "file `PATH`. Expected comma-separated text in UTF-8. Received: UTF-16",
        ),
    ):
        path.write_bytes(content)
        assert message_of(path, target="a") == f"Invalid {received.replace('PATH', str(path))}"


def test_field_that_is_too_long_is_named(tmp_path):
    path = written(tmp_path, "a,b", ["1,2", f"{'x' * 140_000},3"])
    message = message_of(path, target="a")
    assert message.startswith(f"Invalid line 3 of `{path}`. Expected comma-separated text. Receiv")
    assert "field larger than field limit" in message


def test_twenty_columns_are_listed(tmp_path):
    names = [f"c{i}" for i in range(21)]
    assert table._listed(names[:20]) == ", ".join(names[:20])
    assert table._listed(names) == ", ".join(names[:20]) + " and 1 more"


def test_lines_are_numbered_where_rows_start(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbfa, b \r\n\r\n"1\n2", x \r\n\n3,4')
    assert table._lines(path) == {1: ["a", "b"], 3: ["1\n2", "x"], 6: ["3", "4"]}
    lines, columns = table.read_rows(path, Inspection(False))
    assert lines == [3, 6] and columns == {"a": ("1\n2", "3"), "b": ("x", "4")}


def test_only_needed_columns_must_have_values(tmp_path):
    path = written(tmp_path, "a,b", ["1,", ",2"])
    inspection = Inspection(skip=True)
    lines, columns = table.read_rows(path, inspection, {"a"})
    assert lines == [2] and columns == {"a": ("1",), "b": ("",)}
    assert inspection._reasons == {"missing value": 1} and inspection._first[0][0] == "line 3"
    nothing = Inspection(skip=True)
    assert table.read_rows(path, nothing) == ([], {"a": (), "b": ()})


COLUMNS = (Column("a", None, (1.0,), (2.0,)), Column("b", ("x", "y"), (0.5, 0.5), (0.5, 0.5)))


def test_rows_to_predict_are_encoded(tmp_path):
    path = written(tmp_path, "b,t,a", ["y,,3", "z,1,-1"])
    lines, inputs = table.read_inputs(path, COLUMNS, "t")
    assert lines == [2, 3] and inputs.tolist() == [[1, -1, 1], [-1, -1, -1]]
    blank = written(tmp_path, "a,b", ["NA,x", "3,?"])
    assert table.read_inputs(blank, COLUMNS)[1].tolist() == [[0, 1, -1], [1, -1, -1]]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("a", "1", "line 1 of `PATH`. Expected the columns a, b. Received: no `b`"),
        ("a,b,c", "1,x,2", "line 1 of `PATH`. Expected the columns a, b. Received: also `c`"),
        ("a,b", "w,x", "line 2 of `PATH`. Expected a number for column `a`. Received: w"),
    ],
)
def test_invalid_rows_to_predict_are_named(header, row, message, tmp_path):
    path = written(tmp_path, header, [row])
    with pytest.raises(InvalidInput) as raised:
        table.read_inputs(path, COLUMNS, "t")
    assert str(raised.value) == f"Invalid {message.replace('PATH', str(path))}"


def test_memory_of_rows_to_predict_is_limited(tmp_path, monkeypatch):
    path = written(tmp_path, "a,b", ["1,x", "1,y", "1,x"])
    # three rows of three numbers take 4 + 8 bytes for each number; half of the memory may be taken
    monkeypatch.setattr(checks.os, "sysconf", {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 216}.get)
    table.read_inputs(path, COLUMNS)
    monkeypatch.setattr(checks.os, "sysconf", {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 214}.get)
    with pytest.raises(InvalidInput, match=r"`columns`.* Received: '3 inputs of 3 rows', which"):
        table.read_inputs(path, COLUMNS)


def test_skipped_lines_are_counted(tmp_path):
    path = written(tmp_path, "a,b", [*[f"{i},{i % 2}" for i in range(30)], "1", "x,1"])
    skipped = table.read(path, 0, target="b", skip_bad=True).skipped
    assert (skipped.count, skipped.total) == (2, 32)
    assert skipped.reasons == {"ragged line": 1, "no number": 1}
    assert skipped.places == ("line 32", "line 33")
    with pytest.raises(InvalidInput, match=rf"^Invalid file `{path}`. Expected at most half of it"):
        table.read(written(tmp_path, "a,b", ["1,2", "1", "2"]), 0, target="b", skip_bad=True)
