"""A table in a .csv file."""

import csv

import numpy as np

from kerasdl import errors
from kerasdl.data.columns import Column, inputs
from kerasdl.data.sets import tables
from kerasdl.data.splits import Source

FEW = 20  # so many different integers are classes
LARGEST = float(np.finfo("float32").max)


def read(path, seed, target=None, validation=0.1, test=0.2) -> Source:
    """A table of the user's: a line of names, then a line for each example.

    Columns of numbers are standardised on the training split, columns of words become one-hot. A
    target of words, or of at most 20 different integers, makes a classification; others are
    predicted as numbers.

    target: Name of the column to predict.
    validation, test: Shares of the lines, drawn by the seed, in the same shares for each class.
    """
    lines, table = _columns(path)
    if target not in table:
        expected = f"option `target` to be one of the columns {', '.join(table)}"
        raise errors.InvalidInput(f"target of `{path}`", expected, target)
    values = {name: _numbers_or_words(path, lines, name, table[name]) for name in table}
    goal = values.pop(target)
    if not values:
        raise errors.InvalidInput(f"file `{path}`", "a column besides the target", target)
    classes = None
    if goal.dtype.kind == "U" or _few_integers(goal):
        kinds, goal = np.unique(goal, return_inverse=True)
        classes = tuple(str(k) if kinds.dtype.kind == "U" else str(int(k)) for k in kinds)
        if len(classes) < 2:
            raise errors.InvalidInput(f"target of `{path}`", "at least two classes", classes)
    return tables.table(values, goal, classes, seed, validation, test)


def read_inputs(path, columns: list[Column], target=None) -> tuple[list[int], np.ndarray]:
    """Rows for a trained model: their lines in the file, and the vectors that it takes.

    Args:
        path: A .csv file with the columns that training saw, in any order.
        columns: As `Info.columns` has them.
        target: A column that may be there too.
    """
    lines, table = _columns(path)
    known = [column.name for column in columns]
    strays = [name for name in table if name not in (*known, target)]
    for received, names in (("no", [n for n in known if n not in table]), ("also", strays)):
        if names:
            expected = f"the columns {', '.join(known)}"
            raise errors.InvalidInput(f"line 1 of `{path}`", expected, f"{received} `{names[0]}`")
    values = {
        name: np.array(table[name]) if column.words else _numbers(path, lines, name, table[name])
        for name, column in zip(known, columns, strict=True)
    }
    return lines, inputs(columns, values)


def _columns(path):
    """The numbers of the lines that hold values, and {name: the column's values as text}."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            cells = {i: [*map(str.strip, row)] for i, row in enumerate(csv.reader(file), 1) if row}
    except (UnicodeDecodeError, csv.Error) as error:
        raise errors.InvalidInput(
            f"file `{path}`", "comma-separated text in UTF-8", error
        ) from None
    if len(cells) < 2:
        expected = "a line of names and lines of values"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(cells)} lines")
    names = cells.pop(min(cells))
    if twice := [name for name in names if names.count(name) > 1]:
        raise errors.InvalidInput(f"file `{path}`", "one column of a name", f"two `{twice[0]}`")
    for line, row in cells.items():
        place = f"line {line} of `{path}`"
        if len(row) != len(names):
            raise errors.InvalidInput(place, f"{len(names)} values", f"{len(row)}: {row}")
        if "" in row:
            raise errors.InvalidInput(place, f"a value for column `{names[row.index('')]}`", "none")
    return list(cells), dict(zip(names, zip(*cells.values(), strict=True), strict=True))


def _numbers(path, lines, name, column):
    for line, value in zip(lines, column, strict=True):
        if not _is_number(value):
            expected = f"a number for column `{name}`"
            raise errors.InvalidInput(f"line {line} of `{path}`", expected, value)
    return np.array(column, float)


def _numbers_or_words(path, lines, name, column):
    """Words if more than a tenth are no numbers; else a stray word among numbers is an error."""
    strays = sum(not _is_number(value) for value in column)
    return np.array(column) if strays > len(column) / 10 else _numbers(path, lines, name, column)


def _is_number(value):
    try:
        return abs(float(value)) <= LARGEST  # false for NaN too
    except ValueError:
        return False


def _few_integers(column):
    return len(np.unique(column)) <= FEW and bool(np.all(column == np.round(column)))
