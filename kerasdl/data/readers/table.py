"""A table in a .csv file."""

import dataclasses

import numpy as np

from kerasdl import errors
from kerasdl.data import bad_examples
from kerasdl.data.columns import Column, inputs
from kerasdl.data.readers import rows
from kerasdl.data.sets import tables
from kerasdl.data.splits import Source

FEW = 20  # so many different integers are classes
LARGEST = float(np.finfo("float32").max)


def read(path, seed, target=None, validation=0.1, test=0.2, skip_bad=False) -> Source:
    """A table of the user's: a line of names, then a line for each example.

    Columns of numbers are standardised on the training split, columns of words become one-hot. A
    target of words, or of at most 20 different integers, makes a classification; others are
    predicted as numbers.

    target: Name of the column to predict.
    validation, test: Shares of the lines, drawn by the seed, in the same shares for each class.
    skip_bad: Leave out lines that are ragged or lack a value; the rest is as if without.
    """
    inspection = bad_examples.Inspection(skip_bad)
    lines, table = rows.read(path, inspection)
    total = len(lines) + len(inspection.found)
    if target not in table:
        expected = f"option `target` to be one of the columns {', '.join(table)}"
        raise errors.InvalidInput(f"target of `{path}`", expected, target)
    numeric = [name for name, column in table.items() if _of_numbers(column)]
    _note_strays(path, inspection, lines, table, numeric)
    skipped = inspection.done(total, f"file `{path}`")
    good = [row for row, line in enumerate(lines) if line not in inspection.found]
    values = {
        name: np.array([column[row] for row in good], float if name in numeric else str)
        for name, column in table.items()
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


def read_inputs(path, columns: list[Column], target=None) -> tuple[list[int], np.ndarray]:
    """Rows for a trained model: their lines in the file, and the vectors that it takes.

    Args:
        path: A .csv file with the columns that training saw, in any order.
        columns: As `Info.columns` has them.
        target: A column that may be there too, with or without values.
    """
    known, inspection = (
        [column.name for column in columns],
        bad_examples.Inspection(False, may_skip=False),
    )
    lines, table = rows.read(path, inspection, known)
    strays = [name for name in table if name not in (*known, target)]
    for received, names in (("no", [n for n in known if n not in table]), ("also", strays)):
        if names:
            expected = f"the columns {', '.join(known)}"
            raise errors.InvalidInput(f"line 1 of `{path}`", expected, f"{received} `{names[0]}`")
    numeric = [column.name for column in columns if not column.words]
    _note_strays(path, inspection, lines, table, numeric)
    inspection.check()
    values = {name: np.array(table[name], float if name in numeric else str) for name in known}
    return lines, inputs(columns, values)


def _of_numbers(column):
    """Words if more than a tenth are no numbers; else a stray word among numbers is an error."""
    return sum(not _is_number(value) for value in column) <= len(column) / 10


def _note_strays(path, inspection, lines, table, numeric):
    for name in numeric:
        for line, value in zip(lines, table[name], strict=True):
            if not _is_number(value):
                expected = f"a number for column `{name}`"
                rows.note(inspection, path, line, "no number", expected, value)


def _is_number(value):
    try:
        return abs(float(value)) <= LARGEST  # false for NaN too
    except ValueError:
        return False


def _few_integers(column):
    return len(np.unique(column)) <= FEW and bool(np.all(column == np.round(column)))
