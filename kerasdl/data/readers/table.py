"""Read a table from a file or a DataFrame."""

import collections
import csv
import dataclasses
import io
import itertools
import os
import pathlib
import re
import reprlib
from collections.abc import Collection, Sequence

import numpy as np

from kerasdl import errors
from kerasdl.data import columns, in_memory, text
from kerasdl.data.bad_examples import Inspection
from kerasdl.data.readers import texts
from kerasdl.data.sets import tables
from kerasdl.data.splits import Source
from kerasdl.utils import checks

MANY = 20  # names of columns that a message lists
FEW = 20  # a target with at most this many different integers is a class
LARGEST = float(np.finfo("float32").max)
NUMBERS, WORDS = "numbers", "words"  # what a column holds, if no dates
TASKS = ("classification", "tags", "regression", "text")
TAGS = ";"  # separates the tags in a cell
SEPARATED = (".csv", ".tsv")  # endings of files of separated values
SEPARATORS = (",", ";", "\t", "|")
QUOTED = re.compile(r'"[^"]*"')
DECIMAL = re.compile(r"^([+-]?\d+),(\d+)$")
# how spreadsheets, R, SQL and pandas write missing values
MISSING = frozenset(("", "?", "nan", "NaN", "NAN", "NA", "N/A", "n/a", "#N/A", "<NA>"))
MISSING |= {"null", "NULL"}


def read(path, seed, target=None, task=None, validation=0.1, test=0.2, skip_bad=False) -> Source:
    """A table: a .csv, .tsv or .parquet file with names of columns first, or a DataFrame.

    Columns of numbers are standardized with the statistics of the training split, and blanks and
    `NA` are the mean; if the split has some, another input marks them. Words are one-hot encoded,
    dates become days, year, month, day, weekday, hour and season, and texts and columns of more
    than 40 different words are hashed. `info.notes` says what became of each column. A target of
    words, or of at most 20 different integers, makes this a classification; other targets are
    predicted as numbers. Several targets of zeros and ones are tags, of which a row may have any
    number, as are words that semicolons separate, such as "red; large".

    target: str, name of the column to predict, or names with commas between them.
    task: str, "classification", "tags" or "regression", if the target is not what it seems; or
        "text", to classify the longest column of words as a text, word by word. With "series", a
        table with a column of times is read by `kerasdl.data.readers.series`, to be forecast.
    validation, test: float, fractions of the lines, drawn with the seed and stratified by class.
        `validation` may also be another file with the same columns.
    skip_bad: bool, leave out lines that are ragged, lack the target or have a word for a number.
    """
    if task is not None:
        checks.choices(TASKS, task=task)
    inspection, rows = Inspection(skip_bad), None
    if isinstance(path, in_memory.Table):
        target, rows, path = target or path.target, _rows_of(path.frame), "DataFrame"
    lines, table = read_rows(path, inspection, (target, *names_of(target)), rows)
    total = len(lines) + inspection.count
    targets = (target,) if target in table else names_of(target)
    if not targets or not set(targets) <= set(table):
        expected = f"option `target` to be one of the columns {_listed(table)}"
        raise errors.InvalidInput(f"target of `{path}`", expected, target)
    if task == "text":
        skipped = inspection.done(total, f"file `{path}`")
        return _texts(path, table, target, seed, validation, test, skipped)
    forms = {name: _form(column) for name, column in table.items()}
    for name in targets:
        forms[name] = forms[name] if forms[name] in (NUMBERS, WORDS) else WORDS
    values = _values(path, inspection, lines, table, forms)
    skipped = inspection.done(total, f"file `{path}`")
    good = np.array([line not in inspection.found for line in lines], bool)
    values = {name: column[good] for name, column in values.items()}
    goals = [values.pop(name) for name in targets]
    if not values:
        raise errors.InvalidInput(f"file `{path}`", "a column besides the target", target)
    subject, outputs = f"target of `{path}`", None
    if len(goals) > 1:
        goal, classes, notes = _goals(subject, targets, goals, task)
        outputs = None if classes else targets
    elif task == "tags" or (task is None and _are_tags(goals[0])):
        if goals[0].dtype.kind != "O":
            expected = "words with semicolons or several columns, for task='tags'"
            raise errors.InvalidInput(subject, expected, f"numbers in column `{target}`")
        classes, goal = tags_of(subject, goals[0])
        notes = (f"target `{target}`: {len(classes)} tags (task='classification' if not)",)
    else:
        goal, classes, notes = _goal(subject, target, goals[0], task)
    dates = {name: form for name, form in forms.items() if form not in (NUMBERS, WORDS)}
    other = isinstance(validation, (str, os.PathLike))
    fraction = 0.0 if other else validation
    source = tables.table(values, goal, classes, seed, fraction, test, dates)
    if not source.train or not source.test:
        expected = "enough lines to train and to test"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{sum(good)} lines")
    notes = (*notes, *columns.notes(source.columns or ()))
    facts = {"target": target, "outputs": outputs, "skipped": skipped, "notes": notes}
    if other:
        facts["validation"] = _validation(
            validation, source, {name: forms[name] for name in targets}
        )
    return dataclasses.replace(source, **facts)


def _texts(path, table, target, seed, validation, test, skipped):
    """Return the column with the longest cells as texts, and the target as their classes."""
    subject, others = f"file `{path}`", [name for name in table if name != target]
    if target not in table or not others:
        expected = "one target and a column of texts, for task='text'"
        raise errors.InvalidInput(subject, expected, f"columns {_listed(table)}, target {target}")
    checks.numbers(at_least=0, validation=validation)
    column = max(others, key=lambda name: sum(map(len, table[name])))
    pairs = zip(map(text.words_of, table[column]), table[target], strict=True)
    found = {"train": [(words, label) for words, label in pairs if words]}
    notes = (f"texts: column `{column}`",)
    facts = {"target": target, "skipped": skipped, "notes": notes}
    return texts.source(subject, found, seed, 20_000, 256, validation, test, **facts)


def _validation(path, source, goals):
    """Return the inputs and the targets in another file with the columns of a table.

    Args:
        path: The file.
        source: `Source` of the table.
        goals: dict, what each column of the target holds.
    """
    file = pathlib.Path(path)
    if file.suffix.lower() not in (*SEPARATED, ".parquet") or not file.is_file():
        expected = "a fraction, or a .csv, .tsv or .parquet file"
        raise errors.InvalidInput("option `validation`", expected, path)
    inspection = Inspection(False, may_skip=False)
    lines, values = _rows_like(path, source.columns, inspection, (), goals)
    inputs, cells = columns.inputs(source.columns, values), [values[name] for name in goals]
    if source.task == "regression":
        mean, deviation = map(np.array, source.target_scale)
        return inputs, ((np.stack(cells, axis=1) - mean) / deviation).astype("float32")
    places = {name: place for place, name in enumerate(source.classes)}
    if source.task == "tags" and len(cells) > 1:
        found, targets = {}, np.stack(cells, axis=1).astype("float32")
    elif source.task == "tags":
        found = [[tag.strip() for tag in cell.split(TAGS) if tag.strip()] for cell in cells[0]]
        targets = np.zeros((len(lines), len(places)), "float32")
    else:
        found = [[str(cell if isinstance(cell, str) else int(cell))] for cell in cells[0]]
        targets = np.zeros(len(lines), "int32")
    for row, names in enumerate(found):
        if strange := [name for name in names if name not in places]:
            expected = f"one of {_listed(places)} for column `{source.target}`"
            raise errors.InvalidInput(f"line {lines[row]} of `{path}`", expected, strange[0])
        numbers = [places[name] for name in names]
        if targets.ndim == 1:
            targets[row] = numbers[0]
        else:
            targets[row, numbers] = 1
    return inputs, targets


def read_inputs(
    path: str | pathlib.Path, fitted: Sequence[columns.Column], target: str | None = None
) -> tuple[list[int], np.ndarray]:
    """Read the rows that a trained model is to predict.

    Args:
        path: A file with the columns of the training data, in any order; values may be blank.
        fitted: `Info.columns` of the training data.
        target: Name of a column that may be in the file too, with or without values, or names with
            commas between them.

    Returns:
        The number of each row's line in the file, and the inputs of the model.
    """
    inspection = Inspection(False, may_skip=False)
    also = (target, *names_of(target))
    lines, values = _rows_like(path, fitted, inspection, also, {})
    return lines, columns.inputs(fitted, values)


def _rows_like(path, fitted, inspection, also, goals):
    """Read the rows of a file with the columns of the training data, in any order.

    Args:
        path: The file.
        fitted: `Info.columns` of the training data.
        inspection: `Inspection` for what is wrong.
        also: Names of further columns that may be there; they are not read.
        goals: dict, what each further column that must be there holds; its cells are not blank.

    Returns:
        The number of each row's line, and the values of each column.
    """
    known = {column.name: _form_of(column) for column in fitted} | goals
    needed = [column.name for column in fitted if column.width] + [*goals]
    lines, table = read_rows(path, inspection, (*goals,))
    allowed = {*known, *also}
    strays = [name for name in table if name not in allowed]
    for received, names in (("no", [n for n in needed if n not in table]), ("also", strays)):
        if names:
            expected = f"the columns {_listed(known)}"
            raise errors.InvalidInput(f"line 1 of `{path}`", expected, f"{received} `{names[0]}`")
    values = _values(path, inspection, lines, table, {name: known[name] for name in needed})
    inspection.check()
    return lines, values


def names_of(target: object) -> tuple[str, ...]:
    """Return the names of columns in a text with commas between them.

    >>> names_of("price, area")
    ('price', 'area')
    """
    names = target.split(",") if isinstance(target, str) else ()
    return tuple(dict.fromkeys(name.strip() for name in names))


def _goals(subject, names, goals, task):
    """Return several columns as targets, the names of the tags or None, and notes."""
    words = [name for name, goal in zip(names, goals, strict=True) if goal.dtype.kind == "O"]
    if words or task == "classification":
        received = f"words in column `{words[0]}`" if words else "task='classification'"
        raise errors.InvalidInput(subject, "one column, or several of numbers", received)
    goal = np.stack(goals, axis=1)
    binary = bool(np.isin(goal, (0, 1)).all())
    if task == "tags" and not binary:
        raise errors.InvalidInput(subject, "zeros and ones, for task='tags'", "other numbers")
    if not binary or task == "regression":
        return goal, None, ()
    note = f"targets: {len(names)} columns of zeros and ones, taken as tags"
    return goal, tuple(names), (f"{note} (task='regression' if not)",)


def _are_tags(cells):
    return cells.dtype.kind == "O" and any(TAGS in cell for cell in cells)


def tags_of(subject: str, cells: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the tags in cells such as "red; large", and 1 for those of each cell.

    Args:
        subject: str, what the cells are, for an error message.
        cells: The texts; one without tags is empty.

    >>> tags_of("target", ["red; large", "", "red"])[1].tolist()
    [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]
    """
    found = [[tag.strip() for tag in str(cell).split(TAGS) if tag.strip()] for cell in cells]
    names = tuple(sorted(set(itertools.chain(*found))))
    if len(names) < 2:
        raise errors.InvalidInput(subject, "at least two tags", ", ".join(names) or "none")
    places = {name: place for place, name in enumerate(names)}
    given = np.zeros((len(found), len(names)), "float32")
    for row, tags in enumerate(found):
        given[row, [places[tag] for tag in tags]] = 1
    return names, given


def _goal(subject, target, goal, task):
    """Return the targets, the names of the classes or None, and notes on how it was decided."""
    words = goal.dtype.kind == "O"
    if task == "regression" and words:
        raise errors.InvalidInput(subject, "numbers, for task='regression'", f"`{goal[0]}`")
    whole = not words and bool(np.all(goal == np.round(goal)))
    by_class = words or (whole and len(np.unique(goal)) <= FEW)
    notes = ()
    if task:
        by_class = task == "classification"
    elif whole:
        this, other = ("classes", "regression") if by_class else ("numbers", "classification")
        count = f"{len(np.unique(goal)):,} different integers"
        notes = (f"target `{target}`: {count}, taken as {this} (task='{other}' if not)",)
    if not by_class:
        return goal, None, notes
    kinds, goal = np.unique(goal, return_inverse=True)
    classes = tuple(str(int(k)) if whole else str(k) for k in kinds.tolist())
    if len(classes) < 2:
        raise errors.InvalidInput(subject, "at least two classes", classes)
    return goal, classes, notes


def _form(cells):
    """Return what a column holds: `NUMBERS`, `WORDS` or a format of dates.

    A tenth of the numbers or dates may be something else, which then counts as an error.
    """
    given = [cell for cell in cells if cell not in MISSING]
    if given and sum(not _is_number(cell) for cell in given) <= len(given) / 10:
        return NUMBERS
    return columns.date_format(given) or WORDS


def _form_of(column):
    return {"number": NUMBERS, "date": column.detail}.get(column.kind, WORDS)


def _values(path, inspection, lines, table, forms):
    """Return columns as arrays, NaN or "" for a blank; note cells that are not what they must be.

    Args:
        forms: dict, what each column holds; see `_form`.
    """
    values = {}
    for name, form in forms.items():
        cells = ["" if cell in MISSING else cell for cell in table[name]]
        if form == WORDS:
            values[name] = np.array(cells, object)
            continue
        if form == NUMBERS:
            numbers = np.array([float(c) if _is_number(c) else np.nan for c in cells], "float64")
        else:
            numbers = columns.days(cells, form)
        for row in np.flatnonzero(np.isnan(numbers)):
            if cells[row]:
                what = "number" if form == NUMBERS else "date"
                expected = f"a {what} for column `{name}`"
                _note(inspection, path, lines[row], f"no {what}", expected, cells[row])
        values[name] = numbers
    return values


def _listed(names):
    first = list(itertools.islice(names, MANY))
    more = f" and {len(names) - MANY:,} more" if len(names) > MANY else ""
    return f"{', '.join(first)}{more}"


def _is_number(value):
    try:
        return abs(float(value)) <= LARGEST  # false for NaN too
    except ValueError:
        return False


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
    cells = zip(*kept.values(), strict=True) if kept else [()] * len(names)
    return list(kept), dict(zip(names, cells, strict=True))


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
