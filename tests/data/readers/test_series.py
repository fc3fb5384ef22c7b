"""Series of users: tables with a column of times, and what is wrong with some."""

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data.readers import series
from kerasdl.errors import InvalidInput

ROWS = 120


def lines_of(rows=ROWS, first="2024-01-01", form=str):
    days = np.datetime64(first, "D") + np.arange(rows)
    return [f"{form(day)},{i % 7},{100 + i}" for i, day in enumerate(days)]


def write(file, lines, names="date,sales,price"):
    file.write_text("\n".join([names, *lines]) + "\n", encoding="utf-8")
    return str(file)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sales.csv"


def load(path, **options):
    return kerasdl.data.load(path, task="series", batch_size=1000, **options)


def test_series_are_windows_with_the_week_that_follows(file):
    info = load(write(file, lines_of())).info
    line = info.timeline
    assert info.task == "series" and line.series == info.outputs == ("sales", "price")
    assert (line.column, line.unit, line.count) == ("date", "seconds", 86400)
    assert (line.horizon, info.shape, line.seasons) == (7, (21, 4), (7,))
    assert line.calendar == ("weekday",)
    assert info.counts == {"train": 57, "validation": 6, "test": 18}
    assert info.notes[0] == "forecast: 7 steps of 1 day after windows of 21, of sales, price"


@pytest.mark.parametrize(
    "form",
    [
        lambda day: day.item().strftime("%d/%m/%Y"),
        lambda day: day.item().strftime("%d.%m.%Y"),
        lambda day: f"{day}T00:00:00+00:00",
    ],
)
def test_dates_may_be_written_in_other_ways(file, form):
    line = load(write(file, lines_of(form=form))).info.timeline
    assert (line.unit, line.count) == ("seconds", 86400)


def test_targets_come_first_and_other_series_are_read(file):
    splits = load(write(file, lines_of()), target="price", horizon=2, window=5)
    line = splits.info.timeline
    assert line.series == ("price", "sales") and line.outputs == 1
    assert "also read: sales" in splits.info.notes
    inputs, targets = next(splits.test.as_numpy_iterator())
    assert inputs.shape[1:] == (5, 4) and targets.shape[1:] == (2, 1)
    prices = targets[0, :, 0] * line.deviation[0] + line.mean[0]
    np.testing.assert_allclose(prices, [196, 197], rtol=1e-5)  # the first rows of the last fifth


def test_data_frames_and_other_separators_are_read(file):
    import pandas

    write(file, [line.replace(",", ";") for line in lines_of()], "date;sales;price")
    first = load(str(file)).info
    frame = pandas.read_csv(file, sep=";")
    assert load(frame).info.timeline == first.timeline


def test_blanks_are_read(file):
    lines = lines_of()
    lines[10] = "2024-01-11,,110"
    lines[11] = "2024-01-12,NA,"
    info = load(write(file, lines), target="price").info
    assert info.timeline.blanks and info.shape == (21, 6)


LATER = "2024-05-01,1,2"
GAP = [*lines_of()[:118], *lines_of()[119:]]


@pytest.mark.parametrize(
    ("lines", "names", "message"),
    [
        ([line[11:] + ",1" for line in lines_of()], "a,b,c", "a column of times, such as 2024-05-"),
        (GAP, None, "line 120 of .*2024-04-28, 1 day after the row.*: 2024-04-29$"),
        ([*lines_of(), "2024-04-29,1,1"], None, "line 122 .*a later time.*04-29 after 2024-04-29"),
        ([*lines_of(), "2024-01-05,1,1"], None, "line 122 .*a later time.*01-05 after 2024-04-29"),
        ([*lines_of(), LATER], None, "line 122 .*2024-04-30, 1 day after the row.*: 2024-05-01$"),
        ([*lines_of(), "soon,1,1"], None, "line 122 .*a date for column `date`.*soon"),
        ([*lines_of(), ",1,1"], None, "line 122 of .*a time in `date`"),
        ([*lines_of(), "2024-04-30,many,1"], None, "line 122 .*a number for column `sales`.*many"),
        ([*lines_of(), "2024-04-30,1"], None, "line 122 .*3 values"),
        ([f"{line},open" for line in lines_of()], "date,a,b,state", "column `state`.*`open`"),
        (lines_of(), "date,error,b", "other names of columns.*error"),
        (
            [line[:10] for line in lines_of()],
            "date",
            "a column of numbers besides the times `date`",
        ),
        (lines_of(25), None, r"enough rows for window=21 and horizon=7.*25 rows"),
        (lines_of(2), None, "at least 3 rows"),
        ([], None, "a line of names and lines of values"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(file, lines, names, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        load(write(file, lines, names or "date,sales,price"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "day"}, "`time` to be one of the columns date, sales, price.*day"),
        ({"time": "sales"}, "a column of times"),
        ({"target": "cost"}, "`target` to be one of the series sales, price.*cost"),
        ({"horizon": 0}, "`horizon`"),
        ({"season": 1}, "`season`"),
    ],
)
def test_options_are_checked(file, options, message):
    with pytest.raises(InvalidInput, match=message):
        load(write(file, lines_of()), **options)


def test_a_history_gives_the_last_window_and_the_times_after_it(file, tmp_path):
    info = load(write(file, lines_of())).info
    other = tmp_path / "history.csv"
    lines = [f"{p},{d},{s}" for d, s, p in (line.split(",") for line in lines_of(30, "2025-03-01"))]
    window, times = series.read_history(
        write(other, lines, "price,date,sales"), info.timeline, info.shape[0]
    )
    assert window.shape == (1, 21, 4) and times[0] == np.datetime64("2025-03-31")
    numbers = window[0, :, :2] * info.timeline.deviation + info.timeline.mean
    np.testing.assert_allclose(numbers[-1], [29 % 7, 129], rtol=1e-5)


@pytest.mark.parametrize(
    ("lines", "names", "message"),
    [
        (lines_of(20), None, "at least the 21 rows.*20 rows"),
        (lines_of(30)[::2], None, "line 3 .*2024-01-02, 1 day after"),
        (lines_of(30), "date,sales,cost", "the columns date, sales, price.*no `price`"),
        ([f"{line},1" for line in lines_of(30)], "date,sales,price,x", "also `x`"),
    ],
)
def test_a_history_of_another_form_is_refused(file, tmp_path, lines, names, message):
    info = load(write(file, lines_of())).info
    other = write(tmp_path / "history.csv", lines, names or "date,sales,price")
    with pytest.raises(InvalidInput, match=message):
        series.read_history(other, info.timeline, info.shape[0])
