"""Times of a series in equal steps, and windows of the series for a forecast.

The fitted facts are plain data, which config.json of a run keeps, so that `kerasdl predict` reads a
file as the training did.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasdl import errors
from kerasdl.data import columns
from kerasdl.data.splits import Source
from kerasdl.utils import checks

HOUR, DAY, WEEK, YEAR = 3600, 86_400, 604_800, 31_556_952  # seconds
UNITS = ("seconds", "weekdays", "months")
CALENDAR = ("hour", "weekday", "month")
LONGEST = 336  # steps of a season: half hours of a week
RESERVED = ("error", "file", "input")  # columns of a file of answers


@dataclasses.dataclass(frozen=True)
class Timeline:
    """How a table with a column of times becomes inputs of a network, which forecasts.

    An input is a window of rows with, for each row: every series, standardized; if the training
    part has blanks, 1 for each series that is blank there, else 0; and the sine and cosine of its
    hour, weekday and month, each as an angle, so that 23:00 is next to 0:00. A blank has the value
    before it.

    Args:
        column: str, heading of the times.
        form: str, their format, one of `kerasdl.data.columns.FORMATS`.
        unit: str, "seconds", "weekdays" or "months".
        count: int, units from one row to the next.
        series: tuple of str, headings of the series; those to forecast come first.
        outputs: int, number of series to forecast.
        horizon: int, steps to forecast.
        seasons: tuple of int, steps of a season, such as 24 and 168 for hours; none if unknown.
        calendar: tuple of str, those of `CALENDAR` that an input has.
        mean: tuple of float, of each series in the training part.
        deviation: tuple of float, standard deviations there; 1 where a series is constant.
        blanks: bool, whether an input marks blanks.
    """

    column: str
    form: str
    unit: str
    count: int
    series: tuple
    outputs: int
    horizon: int
    seasons: tuple
    calendar: tuple
    mean: tuple
    deviation: tuple
    blanks: bool = False

    def __post_init__(self):
        if self.unit not in UNITS or self.form not in columns.FORMATS or self.count < 1:
            raise ValueError(f"times each {self.count} {self.unit}, {self.form}")
        if not len(self.series) == len(self.mean) == len(self.deviation) >= self.outputs >= 1:
            raise ValueError(f"{self.outputs} of {len(self.series)} series")
        if self.horizon < 1 or not set(self.calendar) <= set(CALENDAR):
            raise ValueError(f"horizon {self.horizon}, calendar {', '.join(self.calendar)}")

    @property
    def features(self) -> int:
        """How many numbers an input has for each row."""
        return len(self.series) * (1 + self.blanks) + 2 * len(self.calendar)

    def inputs(self, times: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the features of each row, float32 (rows, features).

        Args:
            times: datetime64[s], (rows,).
            values: floats, NaN for blanks, (rows, series).
        """
        blank = np.isnan(values)
        numbers = (_filled(values) - self.mean) / self.deviation
        parts = [np.nan_to_num(numbers, nan=0.0)]  # blanks before the first value
        parts += [blank] if self.blanks else []
        parts += [_angles(times, part) for part in self.calendar]
        return np.concatenate(parts, axis=1).astype("float32")

    def after(self, times: np.ndarray) -> np.ndarray:
        """Return the `horizon` times that follow some, of which the file has all."""
        numbers = len(times) + np.arange(self.horizon)
        return places(times, self.unit, self.count, numbers)

    def written(self, time: np.datetime64) -> str:
        """Return a time as ISO 8601 writes it; without the clock if a step is a day or longer."""
        long = self.unit != "seconds" or self.count % DAY == 0
        at_midnight = time == time.astype("datetime64[D]")
        return str(time.astype("datetime64[D]")) if long and at_midnight else str(time)

    def __str__(self):
        """The numbers of a row of an input, in order."""
        scales = zip(self.series, self.mean, self.deviation, strict=True)
        parts = [f"({name} - {mean:.6g}) / {deviation:.6g}" for name, mean, deviation in scales]
        parts += [f"{name} is blank" for name in self.series if self.blanks]
        parts += [f"sine and cosine of the {part}" for part in self.calendar]
        return f"for each {self.step}, {', '.join(parts)}"

    @property
    def step(self) -> str:
        """The length of a step in words."""
        return in_words(self.unit, self.count)


def in_words(unit: str, count: int) -> str:
    """Return a step in words.

    >>> in_words("seconds", 7200), in_words("months", 1)
    ('2 hours', '1 month')
    """
    if unit == "seconds":
        lengths = {"week": WEEK, "day": DAY, "hour": HOUR, "minute": 60, "second": 1}
        unit, length = next(pair for pair in lengths.items() if count % pair[1] == 0)
        count //= length
    else:
        unit = unit.removesuffix("s")
    return f"{count} {unit}{'s' if count > 1 else ''}"


def step_of(times: np.ndarray) -> tuple[str, int]:
    """Return the unit and the length of the most frequent step between sorted times.

    Months have different lengths, and so have the steps from one weekday to the next.

    >>> step_of(np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "datetime64[s]"))
    ('months', 1)
    """
    steps, counts = np.unique(np.diff(times).astype("int64"), return_counts=True)
    common = int(steps[counts.argmax()])
    days = times.astype("datetime64[D]")
    if common == DAY and len(times) > 5 and np.is_busday(days).all():
        return "weekdays", 1
    months = round(common / (YEAR / 12))
    # 28 to 31 days, or such multiples
    if len(steps) > 1 and months and abs(common - months * YEAR / 12) <= 3 * DAY:
        return "months", months
    return "seconds", common


def places(times: np.ndarray, unit: str, count: int, numbers: np.ndarray) -> np.ndarray:
    """Return the times that are some numbers of steps after the first one.

    Months end on different days: if all times are the last day of a month, so are the results.

    Args:
        times: datetime64[s], sorted.
        unit: str, one of `UNITS`.
        count: int, units of a step.
        numbers: int, (n,).
    """
    first = times[0]
    if unit == "seconds":
        return first + (numbers * count).astype("timedelta64[s]")
    day = first.astype("datetime64[D]")
    clock = first - day.astype("datetime64[s]")
    if unit == "weekdays":
        return np.busday_offset(day, numbers * count).astype("datetime64[s]") + clock
    found = times.astype("datetime64[D]")
    in_month = (found - found.astype("datetime64[M]").astype("datetime64[D]")).astype("int64") + 1
    is_last = (found + 1).astype("datetime64[M]") != found.astype("datetime64[M]")
    wanted = 31 if is_last.all() else int(in_month.max())
    months = first.astype("datetime64[M]") + numbers * count
    starts = months.astype("datetime64[D]")
    lengths = ((months + 1).astype("datetime64[D]") - starts).astype("int64")
    return (starts + np.minimum(wanted, lengths) - 1).astype("datetime64[s]") + clock


def seasons_of(unit: str, count: int) -> tuple[int, ...]:
    """Return the usual seasons in steps: of a day and a week, of a week, or of a year.

    >>> seasons_of("seconds", 3600), seasons_of("seconds", 86400), seasons_of("months", 1)
    ((24, 168), (7,), (12,))
    """
    if unit == "weekdays":
        return (5,)
    if unit == "months":
        return (12 // count,) if 12 % count == 0 and count < 12 else ()
    if count == WEEK:
        return (52,)
    lengths = [length // count for length in (HOUR, DAY, WEEK) if length % count == 0]
    found = [length for length in lengths if 2 <= length <= LONGEST]
    # an hour is a season only where a day would be too long
    return tuple(found[1:] if count < HOUR and len(found) > 1 else found)


def source(
    subject: str,
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    *,
    column: str = "time",
    form: str = "ISO8601",
    outputs: int | None = None,
    horizon: int | None = None,
    window: int | None = None,
    season: int | None = None,
    validation: float = 0.1,
    test: float = 0.2,
) -> Source:
    """Return windows of series, split in the order of time, with the values that follow each.

    A window belongs to the split that has all values which follow it. The window itself may reach
    back into the split before, as at a forecast. Standardization and calendar are those of the
    training part alone. Where a value to forecast is blank, the window is left out.

    Args:
        subject: str, the data, for errors.
        times: datetime64[s] in equal steps, (rows,).
        values: floats, NaN for blanks, (rows, series); those to forecast come first.
        names: list of str, headings of the series.
        column: str, heading of the times.
        form: str, format of the times.
        outputs: int, number of series to forecast; by default all.
        horizon: int, steps to forecast; by default the shortest season.
        window: int, rows of an input; by default the longest season, or 3 of it if that is short.
        season: int, steps of a season; by default those of `seasons_of`.
        validation: float, fraction of the rows before the last ones, to validate on.
        test: float, fraction of the rows, the last ones, to test on.
    """
    checks.integers(optional=True, horizon=horizon, window=window, limit=checks.LARGEST)
    checks.integers(at_least=2, optional=True, season=season, limit=checks.LARGEST)
    checks.fractions(validation=validation, test=test)
    unit, count = step_of(times)
    seasons = (season,) if season else seasons_of(unit, count)
    longest = max(seasons, default=8)
    window = window or max(longest, min(3 * longest, 48))
    horizon = horizon or min(seasons, default=1)
    ends = _ends(len(times), validation, test)
    needed = window + horizon
    if ends[0] < needed or len(times) - ends[1] < horizon or 0 < ends[1] - ends[0] < horizon:
        expected = f"enough rows for window={window} and horizon={horizon} in each split"
        cut = f"{ends[0]}, {ends[1] - ends[0]} and {len(times) - ends[1]}"
        received = f"{len(times)} rows, {cut} to train, validate and test"
        raise errors.InvalidInput(subject, f"{expected} (or smaller ones)", received)
    line = _fitted(times[: ends[0]], values[: ends[0]], names, subject, unit, count, seasons)
    line = dataclasses.replace(
        line, column=column, form=form, outputs=outputs or len(names), horizon=horizon
    )
    checks.memory(4 * 3 * len(times) * needed * line.features, window=window, horizon=horizon)
    rows = line.inputs(times, values)
    targets = (values[:, : line.outputs] - line.mean[: line.outputs]) / np.array(
        line.deviation[: line.outputs]
    )
    targets = targets.astype("float32")
    bounds = ((0, ends[0]), (ends[0], ends[1]), (ends[1], len(times)))
    parts = [_windows(rows, targets, window, horizon, *pair) for pair in bounds]
    left_out = [short for _, short in parts]
    found = [pair if len(pair[0]) else None for pair, _ in parts]
    if found[0] is None or found[2] is None:
        expected = f"windows to train and test, with no blank in {horizon} rows to forecast"
        raise errors.InvalidInput(subject, expected, f"blanks in all of {sum(left_out):,}")
    notes = _notes(line, window, sum(left_out))
    scale = (line.mean[: line.outputs], line.deviation[: line.outputs])
    facts: dict[str, Any] = {
        "target_scale": scale,
        "outputs": line.series[: line.outputs],
        "notes": notes,
    }
    train, validated, tested = found
    return Source("series", train, validated, tested, timeline=line, **facts)


def _ends(rows, validation, test):
    """Return the first rows of the validation part and of the test part."""
    if validation + test >= 1:
        expected = "fractions that leave something to train on"
        raise errors.InvalidInput("options `validation` and `test`", expected, (validation, test))
    tested, validated = (math.ceil(fraction * rows - 1e-9) for fraction in (test, validation))
    return rows - tested - validated, rows - tested


def _fitted(times, values, names, subject, unit, count, seasons):
    """Return the timeline of the training part, with statistics of its values."""
    empty = [name for name, blank in zip(names, np.isnan(values).T, strict=True) if blank.all()]
    if empty:
        expected = "values in the training part, the first rows"
        raise errors.InvalidInput(f"column `{empty[0]}` of {subject}", expected, "none")
    mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    deviation[deviation <= 1e-12 * np.abs(mean)] = 1  # constant, but for rounding
    daily = count <= DAY if unit == "seconds" else unit == "weekdays"
    span = (times[-1] - times[0]).astype("int64")
    yearly = span >= YEAR - 31 * DAY and not (unit == "months" and count % 12 == 0)
    # a network that has seen half a year would misread the months of the other half
    used = {"hour": unit == "seconds" and count < DAY, "weekday": daily, "month": yearly}
    return Timeline(
        column="time",
        form="ISO8601",
        unit=unit,
        count=count,
        series=tuple(names),
        outputs=1,
        horizon=1,
        seasons=tuple(seasons),
        calendar=tuple(part for part in CALENDAR if used[part]),
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        blanks=bool(np.isnan(values).any()),
    )


def _windows(rows, targets, window, horizon, first, last):
    """Return the windows whose next values are rows from `first` to `last`, and these values.

    Returns:
        ((n, window, features), (n, horizon, outputs)), and how many are left out for blanks.
    """
    starts = np.arange(max(first, window), last - horizon + 1)
    following = targets[starts[:, None] + np.arange(horizon)]
    whole = ~np.isnan(following).any(axis=(1, 2))
    views = np.lib.stride_tricks.sliding_window_view(rows, window, axis=0)
    inputs = np.ascontiguousarray(np.moveaxis(views[starts[whole] - window], -1, 1))
    return (inputs, following[whole]), int((~whole).sum())


def _notes(line, window, left_out):
    also = line.series[line.outputs :]
    notes = [
        f"forecast: {line.horizon} steps of {line.step} after windows of {window}, of "
        f"{', '.join(line.series[: line.outputs])}"
    ]
    notes += [f"also read: {', '.join(also)}"] if also else []
    notes += [f"calendar: {', '.join(line.calendar)}"] if line.calendar else []
    notes += [f"{left_out:,} windows with a blank to forecast left out"] if left_out else []
    if too_long := [season for season in line.seasons if season > window]:
        notes.append(f"no seasonal baseline of {too_long[0]} steps: the window is shorter")
    return tuple(notes)


def _filled(values):
    """Replace NaN by the last number before it in its column, if there is one."""
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    return np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)


def _angles(times, part):
    """Return the sine and the cosine of the hour, weekday or month of times, (rows, 2)."""
    days = times.astype("datetime64[D]")
    if part == "hour":
        turns = (times - days.astype("datetime64[s]")).astype("int64") / DAY
    elif part == "weekday":
        turns = ((days.astype("int64") + 3) % 7) / 7  # 1970 began on a Thursday
    else:
        turns = (times.astype("datetime64[M]").astype("int64") % 12) / 12
    angle = 2 * np.pi * turns
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)
