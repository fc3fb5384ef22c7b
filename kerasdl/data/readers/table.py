"""Read a table from a file or a DataFrame."""

import collections
import csv
import dataclasses
import io
import itertools
import pathlib
import re
import reprlib
from collections.abc import Collection, Sequence

import numpy as np

from kerasdl import errors
from kerasdl.data import in_memory
from kerasdl.data.bad_examples import Inspection
from kerasdl.data.columns import Column, inputs
from kerasdl.data.sets import tables
from kerasdl.data.splits import Source

MANY = 20  # names of columns that a message lists
FEW = 20  # a target with at most this many different integers is a class
LARGEST = float(np.finfo("float32").max)
ROOM = 2**27  # numbers, or characters, that the words of a column may take
SEPARATED = (".csv", ".tsv")  # endings of files of separated values
SEPARATORS = (",", ";", "\t", "|")
QUOTED = re.compile(r'"[^"]*"')
DECIMAL = re.compile(r"^([+-]?\d+),(\d+)$")
MISSING = ("", "nan", "NaN", "NAN")  # how spreadsheets and pandas write missing values


def read(path, seed, target=None, validation=0.1, test=0.2, skip_bad=False) -> Source:
    """A table: a .csv, .tsv or .parquet file with names of columns first, or a DataFrame.

    Columns of numbers are standardized with the statistics of the training split; columns of words
    are one-hot encoded, rows times different words at most 134,217,728 numbers. A target of words,
    or of at most 20 different integers, makes this a classification; other targets are predicted
    as numbers.

    target: str, name of the column to predict.
    validation, test: float, fractions of the lines, drawn with the seed and stratified by class.
    skip_bad: bool, leave out lines that are ragged or lack a value.
    """
    inspection, rows = Inspection(skip_bad), None
    if isinstance(path, in_memory.Table):
        target, rows, path = target or path.target, _rows_of(path.frame), "DataFrame"
    lines, table = read_rows(path, inspection, rows=rows)
    total = len(lines) + inspection.count
    if not isinstance(target, str) or target not in table:
        expected = f"option `target` to be one of the columns {_listed(table)}"
        raise errors.InvalidInput(f"target of `{path}`", expected, target)
    numeric = {name for name, column in table.items() if _of_numbers(column)}
    _note_strays(path, inspection, lines, table, numeric)
    skipped = inspection.done(total, f"file `{path}`")
    good = [row for row, line in enumerate(lines) if line not in inspection.found]
    cells = {name: [column[row] for row in good] for name, column in table.items()}
    words = [name for name in cells if name != target and name not in numeric]
    _check_room(path, len(good), {name: len(set(cells[name])) for name in words})
    values = {
        name: _numbers(column) if name in numeric else _words(path, name, column)
        for name, column in cells.items()
    }
    goal = values.pop(target)
    if not values:
        raise errors.InvalidInput(f"file `{path}`", "a column besides the target", target)
    classes = None
    if goal.dtype.kind == "U" or _few_integers(goal):
        kinds, goal = np.unique(goal, return_inverse=True)
        classes = tuple(str(k) if kinds.dtype.kind == "U" else str(int(k)) for k in kinds)
        if len(classes) < 2:
            raise errors.InvalidInput(f"target of `{path}`", "at least two classes", classes)
    source = tables.table(values, goal, classes, seed, validation, test)
    if not source.train or not source.test:
        expected = "enough lines to train and to test"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(good)} lines")
    return dataclasses.replace(source, target=target, skipped=skipped)


def read_inputs(
    path: str | pathlib.Path, columns: Sequence[Column], target: str | None = None
) -> tuple[list[int], np.ndarray]:
    """Read the rows that a trained model is to predict.

    Args:
        path: A .csv file with the columns of the training data, in any order.
        columns: `Info.columns` of the training data.
        target: Name of a column that may be in the file too, with or without values.

    Returns:
        The number of each row's line in the file, and the inputs of the model.
    """
    known = {column.name: column for column in columns}
    inspection = Inspection(False, may_skip=False)
    lines, table = read_rows(path, inspection, known)
    strays = [name for name in table if name not in known and name != target]
    for received, names in (("no", [n for n in known if n not in table]), ("also", strays)):
        if names:
            expected = f"the columns {_listed(known)}"
            raise errors.InvalidInput(f"line 1 of `{path}`", expected, f"{received} `{names[0]}`")
    numeric = [name for name, column in known.items() if not column.words]
    _note_strays(path, inspection, lines, table, numeric)
    inspection.check()
    _check_room(path, len(lines), {n: len(column.words or ()) for n, column in known.items()})
    values = {
        name: _words(path, name, table[name]) if column.words else _numbers(table[name])
        for name, column in known.items()
    }
    return lines, inputs(columns, values)


def _listed(names):
    first = list(itertools.islice(names, MANY))
    more = f" and {len(names) - MANY:,} more" if len(names) > MANY else ""
    return f"{', '.join(first)}{more}"


def _numbers(column):
    return np.array([float(value) for value in column])


def _words(path, name, column):
    # in the array, each word takes as much memory as the longest
    longest = max(map(len, column), default=0)
    if longest * len(column) > ROOM:
        expected = f"rows times characters of the longest word to be at most {ROOM:,}"
        received = f"{len(column):,} rows, the longest word has {longest:,} characters"
        raise errors.InvalidInput(f"column `{name}` of `{path}`", expected, received)
    return np.array(column, str)


def _check_room(path, rows, different):
    """Check that the one-hot encoding of the columns of words fits into memory."""
    if rows * sum(different.values()) > ROOM:
        name = max(different, key=different.__getitem__)
        expected = f"rows times different words of all columns to be at most {ROOM:,}"
        received = f"{rows:,} rows, {different[name]:,} different words in this column"
        raise errors.InvalidInput(f"column `{name}` of `{path}`", expected, received)


def _of_numbers(column):
    """Return whether at least nine tenths are numbers; the others then count as errors."""
    return sum(not _is_number(value) for value in column) <= len(column) / 10


def _note_strays(path, inspection, lines, table, numeric):
    for name in numeric:
        for line, value in zip(lines, table[name], strict=True):
            if not _is_number(value):
                expected = f"a number for column `{name}`"
                _note(inspection, path, line, "no number", expected, value)


def _is_number(value):
    try:
        return abs(float(value)) <= LARGEST  # false for NaN too
    except ValueError:
        return False


def _few_integers(column):
    return len(np.unique(column)) <= FEW and bool(np.all(column == np.round(column)))


# ---- rows of a file


def read_rows(
    path: str | pathlib.Path,
    inspection: Inspection,
    names_needed: Collection[str] | None = None,
    rows: dict[int, list[str]] | None = None,
) -> tuple[list[int], dict[str, Sequence[str]]]:
    """Read a .csv file in UTF-8: a line of names, then a line for each example.

    Args:
        path: The file.
        inspection: Notes lines that are ragged, lack a value or are not UTF-8, by line.
        names_needed: Columns that must have values; by default all.
        rows: The cells of each row by its number, the names first; by default those of the file.

    Returns:
        The number of the line on which each row starts, and the values of each column as text.
    """
    lines = _lines(path) if rows is None else rows
    if len(lines) < 2:
        expected = "a line of names and lines of values"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(lines)} lines")
    names = lines.pop(first := min(lines))
    if not all(map(_is_utf8, names)):
        raise errors.InvalidInput(f"line {first} of `{path}`", "text in UTF-8", _escaped(names))
    name, count = collections.Counter(names).most_common(1)[0]
    if count > 1:
        raise errors.InvalidInput(f"file `{path}`", "one column of a name", f"two `{name}`")
    needed = [i for i, name in enumerate(names) if names_needed is None or name in names_needed]
    kept = {}
    for line, row in lines.items():
        if fault := _fault(names, needed, row):
            _note(inspection, path, line, *fault)
        else:
            kept[line] = row
    inspection.check()
    columns = zip(*kept.values(), strict=True) if kept else [()] * len(names)
    return list(kept), dict(zip(names, columns, strict=True))


def _note(inspection, path, line, reason, expected, received):
    subject = f"line {line} of `{path}`"
    inspection.bad(line, f"line {line}", reason, subject, expected, received)


def _fault(names, needed, row):
    if escaped := [cell for cell in row if not _is_utf8(cell)]:
        return "not UTF-8", "text in UTF-8", _escaped(escaped)
    if len(row) != len(names):
        return "ragged line", f"{len(names)} values", f"{len(row)}: {reprlib.repr(row)}"
    for i in needed:
        if row[i] in MISSING:
            return "missing value", f"a value for column `{names[i]}`", row[i] or "none"
    return None


def _is_utf8(text):
    return not any("\udc80" <= character <= "\udcff" for character in text)


def _escaped(cells):
    return ",".join(cells).encode("utf-8", "surrogateescape")


def _rows_of(frame):
    """Return the cells of a DataFrame as text by the number of the row; row 0 holds the names."""
    columns = []
    for place in range(frame.shape[1]):
        values = frame.iloc[:, place]  # by its place, because names may repeat
        pairs = zip(values.tolist(), values.isna().tolist(), strict=True)
        columns.append(["" if missing else str(value).strip() for value, missing in pairs])
    names = [str(name).strip() for name in frame.columns]
    rows = zip(*columns, strict=True)
    return {0: names, **{row: list(cells) for row, cells in enumerate(rows, start=1)}}


def _read_parquet(path):
    import pandas

    try:
        return pandas.read_parquet(path)
    except (OSError, ValueError, ImportError) as error:  # pyarrow's errors are ValueErrors
        reason = " ".join(str(error).split())
        raise errors.InvalidInput(f"file `{path}`", "a table in Parquet", reason) from None


def _separator(path, text):
    """Return what separates the cells: the most frequent separator of the first line."""
    if pathlib.Path(path).suffix.lower() == ".tsv":
        return "\t"
    first = QUOTED.sub("", text.lstrip().partition("\n")[0])
    return max(SEPARATORS, key=first.count)


def _lines(path):
    """Return the cells of each row by the number of the line on which it starts."""
    if pathlib.Path(path).suffix.lower() == ".parquet":
        return _rows_of(_read_parquet(path))
    content = pathlib.Path(path).read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise errors.InvalidInput(f"file `{path}`", "comma-separated text in UTF-8", "UTF-16")
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    separator = _separator(path, text)
    reader, rows, line = csv.reader(io.StringIO(text, newline=""), delimiter=separator), {}, 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            subject = f"line {line} of `{path}`"
            raise errors.InvalidInput(subject, "comma-separated text", error) from None
        if row is None:
            return rows
        if row:
            rows[line] = [cell.strip() for cell in row]
            if separator == ";":  # where commas separate decimals
                rows[line] = [DECIMAL.sub(r"\1.\2", cell) for cell in rows[line]]
        line = reader.line_num + 1
