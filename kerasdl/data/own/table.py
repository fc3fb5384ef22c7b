"""A table in a .csv file."""

import csv

import numpy as np

from kerasdl import errors
from kerasdl.data import cutting
from kerasdl.data.sets import tables
from kerasdl.data.splits import Source

FEW = 20  # so many different integers are classes


def read(path, seed, target=None, validation=0.1, test=0.2) -> Source:
    """A table of the user's: a line of names, then a line for each example.

    Columns of numbers are standardised on the training split, columns of words become one-hot. A
    target of words, or of at most 20 different integers, makes a classification; others are
    predicted as numbers.

    target: Name of the column to predict.
    validation, test: Shares of the lines, drawn by the seed, in the same shares for each class.
    """
    names, rows = _lines(path)
    if target not in names:
        expected = f"option `target` to be one of the columns {', '.join(names)}"
        raise errors.InvalidInput(f"target of `{path}`", expected, target)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    goal = _numbers(path, target, columns.pop(target))
    classes = None
    if goal.dtype.kind == "U" or _few_integers(goal):
        kinds, goal = np.unique(goal, return_inverse=True)
        classes = tuple(str(k) if kinds.dtype.kind == "U" else str(int(k)) for k in kinds)
        if len(classes) < 2:
            raise errors.InvalidInput(f"target of `{path}`", "at least two classes", classes)
    part = cutting.rows_of_splits(goal * (classes is not None), seed, validation, test)[0]
    blocks = [_encoded(_numbers(path, name, column), part) for name, column in columns.items()]
    if not blocks or not len(part):
        expected = "a column besides the target, and lines to train on"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(rows)} lines of {names}")
    return tables.table(np.concatenate(blocks, axis=1), goal, classes, seed, validation, test)


def _lines(path):
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [(i, row) for i, row in enumerate(csv.reader(file), 1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise errors.InvalidInput(
            f"file `{path}`", "comma-separated text in UTF-8", error
        ) from None
    if len(lines) < 2:
        expected = "a line of names and lines of values"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(lines)} lines")
    names = [name.strip() for name in lines[0][1]]
    for number, row in lines[1:]:
        if len(row) != len(names):
            place = f"line {number} of `{path}`"
            raise errors.InvalidInput(place, f"{len(names)} values", f"{len(row)}: {row}")
        if "" in (missing := [value.strip() for value in row]):
            place = f"line {number} of `{path}`"
            column = names[missing.index("")]
            raise errors.InvalidInput(place, f"a value for column `{column}`", "none")
    return names, [[value.strip() for value in row] for _, row in lines[1:]]


def _numbers(path, name, column):
    """Numbers if the column holds them, else words; a stray word among numbers is an error."""
    strays = [i for i, value in enumerate(column) if not _is_number(value)]
    if not strays:
        return np.array(column, float)
    if len(strays) > len(column) / 10:
        return np.array(column)
    place = f"value {strays[0] + 1} of column `{name}` of `{path}`"
    raise errors.InvalidInput(place, "a number, as nearly all others are", column[strays[0]])


def _is_number(value):
    try:
        return np.isfinite(float(value))
    except ValueError:
        return False


def _few_integers(column):
    return len(np.unique(column)) <= FEW and bool(np.all(column == np.round(column)))


def _encoded(column, train):
    """A column of numbers as it is; of words, a column for each word that training shows."""
    if column.dtype.kind != "U":
        return column[:, None]
    return (column[:, None] == np.unique(column[train])).astype(float)
