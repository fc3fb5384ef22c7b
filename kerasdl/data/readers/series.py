"""Read series from a table with a column of times."""

import pathlib
from typing import Any

import numpy as np

from kerasdl import errors
from kerasdl.data import columns, in_memory, timeline
from kerasdl.data.bad_examples import Inspection
from kerasdl.data.readers import table
from kerasdl.data.splits import Source
from kerasdl.utils import checks

EXAMPLES = "2024-05-31 or 2024-05-31 13:00"


def read(
    path,
    seed,
    task="series",
    time=None,
    target=None,
    horizon=None,
    window=None,
    season=None,
    validation=0.1,
    test=0.2,
) -> Source:
    """Series: a .csv, .tsv or .parquet file with a column of times and columns of numbers.

    Rows are in equal steps of time, such as hours, days, weekdays or months, without gaps; cells
    may be blank. Each example is a window of rows with the values that follow it. The first rows
    are for training, the next for validation, the last for testing, and numbers are standardized
    with the statistics of the training rows. A network also reads hour, weekday and month.

    task: str, "series".
    time: str, name of the column of times; by default the first one with dates.
    target: str, name of the series to forecast, or names with commas between them; by default all.
        The others are read, too.
    horizon: int, steps to forecast; by default a season: a day of hours, a week of days, a year of
        months.
    window: int, rows that a forecast sees; by default the longest season, or 3 of it if short.
    season: int, steps of a season, for the seasonal baseline; by default it follows from the step.
    validation, test: float, fractions of the rows.
    """
    checks.choices(("series",), task=task)
    rows = None
    if isinstance(path, in_memory.Table):
        target, rows, path = target or path.target, table._rows_of(path.frame), "DataFrame"
    inspection = Inspection(False, may_skip=False)
    lines, cells = table.read_rows(path, inspection, (), rows)
    time, form = _time(path, cells, time)
    wanted = (target,) if target in cells else table.names_of(target)
    others = [name for name in cells if name != time]
    if not set(wanted) <= set(others):
        expected = f"option `target` to be one of the series {table._listed(others)}"
        raise errors.InvalidInput(f"target of `{path}`", expected, target)
    names = [*wanted, *(name for name in others if name not in wanted)]
    times, values = _numbers(path, inspection, lines, cells, time, form, names)
    _check_steps(path, lines, times, *timeline.step_of(times))
    settings: dict[str, Any] = {"horizon": horizon, "window": window, "season": season}
    settings |= {"column": time, "form": form, "outputs": len(wanted) or None}
    return timeline.source(
        f"file `{path}`", times, values, names, validation=validation, test=test, **settings
    )


def read_history(
    path: str | pathlib.Path, line: timeline.Timeline, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read the last window of a file, and the times to forecast.

    Args:
        path: A file with the columns of the training data, in any order, and the same steps.
        line: `Info.timeline` of the training data.
        window: int, rows of an input.

    Returns:
        The input, (1, window, features), and the times that follow it.
    """
    inspection = Inspection(False, may_skip=False)
    lines, cells = table.read_rows(path, inspection, ())
    known = [line.column, *line.series]
    strays = [name for name in cells if name not in known]
    for received, found in (("no", [n for n in known if n not in cells]), ("also", strays)):
        if found:
            expected = f"the columns {table._listed(known)}"
            raise errors.InvalidInput(f"line 1 of `{path}`", expected, f"{received} `{found[0]}`")
    form = columns.date_format(_given(cells[line.column])) or line.form
    times, values = _numbers(path, inspection, lines, cells, line.column, form, line.series)
    _check_steps(path, lines, times, line.unit, line.count)
    if len(times) < window:
        expected = f"at least the {window} rows that a forecast sees"
        raise errors.InvalidInput(f"file `{path}`", expected, f"{len(times)} rows")
    return line.inputs(times, values)[None, -window:], line.after(times)


def _given(cells):
    return [cell for cell in cells if cell not in table.MISSING]


def _time(path, cells, name):
    """Return the name of the column of times, and their format."""
    subject, listed = f"file `{path}`", table._listed(cells)
    if name is not None and name not in cells:
        expected = f"option `time` to be one of the columns {listed}"
        raise errors.InvalidInput(subject, expected, name)
    for each in cells if name is None else [name]:
        # numbers, such as 1949, are times only if the option says so
        is_date = table._form(cells[each]) not in (table.NUMBERS, table.WORDS)
        form = columns.date_format(_given(cells[each])) if is_date or name is not None else None
        if form:
            return each, form
    expected = f"a column of times, such as {EXAMPLES} (or option `time`)"
    raise errors.InvalidInput(subject, expected, f"columns {listed}")


def _numbers(path, inspection, lines, cells, time, form, names):
    """Return the times and the values, NaN for a blank; every other cell must be a number."""
    if not names:
        expected = f"a column of numbers besides the times `{time}`"
        raise errors.InvalidInput(f"file `{path}`", expected, "none")
    for name in names:
        if name in timeline.RESERVED:
            expected = "other names of columns than error, file and input"
            raise errors.InvalidInput(f"line 1 of `{path}`", expected, name)
        if table._form(cells[name]) != table.NUMBERS and _given(cells[name]):
            subject, shown = f"column `{name}` of `{path}`", _given(cells[name])[0]
            raise errors.InvalidInput(subject, "numbers, as of a series", f"`{shown}`")
    forms = {time: form, **dict.fromkeys(names, table.NUMBERS)}
    numbers = table._values(path, inspection, lines, cells, forms)
    inspection.check()
    days = numbers.pop(time)
    for row in np.flatnonzero(np.isnan(days))[:1]:
        raise errors.InvalidInput(f"line {lines[row]} of `{path}`", f"a time in `{time}`", "none")
    times = np.round(days * timeline.DAY).astype("int64").astype("datetime64[s]")
    if len(times) < 3:
        raise errors.InvalidInput(f"file `{path}`", "at least 3 rows", f"{len(times)}")
    return times, np.stack([numbers[name] for name in names], axis=1)


def _check_steps(path, lines, times, unit, count):
    """Raise `InvalidInput` for the first row that does not come a step after the row before it."""
    step = timeline.in_words(unit, count)
    steps = np.diff(times).astype("int64")
    for row in np.flatnonzero(steps <= 0)[:1]:
        expected = "a later time than in the row before it, of one series a column"
        received = f"{_shown(times[row + 1])} after {_shown(times[row])}"
        raise errors.InvalidInput(f"line {lines[row + 1]} of `{path}`", expected, received)
    wanted = timeline.places(times, unit, count, np.arange(len(times)))
    for row in np.flatnonzero(times != wanted)[:1]:
        expected = f"{_shown(wanted[row])}, {step} after the row before it (cells may be blank)"
        raise errors.InvalidInput(f"line {lines[row]} of `{path}`", expected, _shown(times[row]))


def _shown(time):
    return str(time).replace("T", " ").removesuffix(" 00:00:00")
