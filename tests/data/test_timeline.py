"""Times in equal steps, windows in the order of time, and what of the future they do not know."""

import dataclasses

import numpy as np
import pytest

from kerasdl.data import timeline
from kerasdl.errors import InvalidInput


def times_of(first, count, step="h"):
    return (np.datetime64(first, step) + np.arange(count)).astype("datetime64[s]")


def dates(*texts):
    return np.array(texts, "datetime64[s]")


@pytest.mark.parametrize(
    ("times", "step"),
    [
        (times_of("2024-01-31T22", 50), ("seconds", 3600)),
        (times_of("2024-02-27", 9, "D"), ("seconds", 86400)),
        (dates("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"), ("months", 1)),
        (dates("2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"), ("months", 1)),
        (dates("2023-11-15", "2024-02-15", "2024-05-15", "2024-08-15"), ("months", 3)),
        (dates("2021-03-01", "2022-03-01", "2023-03-01", "2024-03-01"), ("months", 12)),
        (dates("2024-01-04", "2024-01-05", *times_of("2024-01-08", 5, "D")), ("weekdays", 1)),
        (dates("2024-01-01", "2024-01-15", "2024-01-29"), ("seconds", 14 * 86400)),
    ],
)
def test_steps_are_found_and_continued(times, step):
    assert timeline.step_of(times) == step
    found = timeline.places(times, *step, np.arange(len(times)))
    np.testing.assert_array_equal(found, times)


def test_months_and_weekdays_continue_on_their_days():
    months = dates("2024-01-31", "2024-02-29", "2024-03-31")
    after = timeline.places(months, "months", 1, np.array([3, 13]))
    np.testing.assert_array_equal(after, dates("2024-04-30", "2025-02-28"))
    clock = dates("2024-01-05T09:30", "2024-01-08T09:30")
    after = timeline.places(clock, "weekdays", 1, np.array([6]))
    np.testing.assert_array_equal(after, dates("2024-01-15T09:30"))


@pytest.mark.parametrize(
    ("step", "seasons"),
    [
        (("seconds", 60), (60,)),
        (("seconds", 600), (144,)),
        (("seconds", 1800), (48, 336)),
        (("seconds", 7200), (12, 84)),
        (("seconds", 604_800), (52,)),
        (("seconds", 100), (36,)),
        (("months", 3), (4,)),
        (("months", 12), ()),
        (("weekdays", 1), (5,)),
    ],
)
def test_seasons_follow_from_the_step(step, seasons):
    assert timeline.seasons_of(*step) == seasons


def source_of(values, **options):
    values = np.asarray(values, "float64").reshape(len(values), -1)
    names = [f"s{i}" for i in range(values.shape[1])]
    options = {"window": 4, "horizon": 2, **options}
    return timeline.source("data", times_of("2024-01-01", len(values)), values, names, **options)


@pytest.mark.rows("DAT-23")
def test_windows_are_split_in_time_and_no_value_to_forecast_is_in_two_splits():
    source = source_of(np.arange(100.0))
    assert source.counts() == {"train": 65, "validation": 9, "test": 19}
    (mean,), (deviation,) = source.target_scale
    assert mean == np.arange(70).mean() and deviation == pytest.approx(np.arange(70).std())
    seen = []
    for part in (source.train, source.validation, source.test):
        inputs, targets = (array[..., 0] * deviation + mean for array in part.arrays)
        # a window ends right before the values to forecast
        np.testing.assert_allclose(np.diff(np.concatenate([inputs, targets], axis=1)), 1, rtol=1e-4)
        seen.append({*np.round(targets).astype(int).ravel().tolist()})
    assert seen == [{*range(4, 70)}, {*range(70, 80)}, {*range(80, 100)}]


def test_what_follows_the_training_part_does_not_change_it():
    values = np.random.default_rng(0).normal(size=(100, 2))
    changed = values.copy()
    changed[70:] = 1e3
    first, second = source_of(values), source_of(changed)
    assert first.timeline == second.timeline
    for one, other in zip(first.train.arrays, second.train.arrays, strict=True):
        np.testing.assert_array_equal(one, other)


def test_blanks_take_the_value_before_are_marked_and_never_forecast():
    values = np.arange(100.0)
    values[[0, 20, 21, 85]] = np.nan
    source = source_of(values)
    line = source.timeline
    assert line.blanks and line.features == 2 + 2 * 2  # value, mark, hour and weekday
    rows = line.inputs(times_of("2024-01-01", 100), values[:, None])
    numbers = rows[:, 0] * line.deviation[0] + line.mean[0]
    np.testing.assert_allclose(numbers[[19, 20, 21, 22]], [19, 19, 19, 22], rtol=1e-5)
    assert rows[0, 0] == 0  # no value before it: the mean
    np.testing.assert_array_equal(np.flatnonzero(rows[:, 1]), [0, 20, 21, 85])
    assert np.isfinite(source.train.targets).all()
    # 3 windows would forecast row 20 or 21, and 2 windows row 85
    assert source.counts() == {"train": 62, "validation": 9, "test": 17}
    assert "5 windows with a blank to forecast left out" in source.notes
    assert not source_of(np.arange(100.0)).timeline.blanks


def test_the_calendar_is_made_of_angles():
    source = source_of(np.arange(100.0))
    assert source.timeline.calendar == ("hour", "weekday")  # no year has been seen
    inputs, _ = source.train.arrays
    np.testing.assert_allclose(inputs[0, :, 1], np.sin(2 * np.pi * np.arange(4) / 24), atol=1e-6)
    np.testing.assert_allclose(inputs[0, :, 2], np.cos(2 * np.pi * np.arange(4) / 24), atol=1e-6)
    np.testing.assert_allclose(inputs[0, :, 3:], [[0, 1]] * 4, atol=1e-6)  # a Monday
    days = times_of("2022-01-01", 800, "D")
    source = timeline.source("data", days, np.arange(800.0)[:, None], ["a"])
    assert source.timeline.calendar == ("weekday", "month")
    rows = source.timeline.inputs(dates("2024-04-07", "2024-10-06"), np.zeros((2, 1)))
    angle = 2 * np.pi * np.array([6 / 7, 3 / 12, 9 / 12])
    np.testing.assert_allclose(rows[0, 1:3], [np.sin(angle[0]), np.cos(angle[0])], atol=1e-6)
    np.testing.assert_allclose(rows[:, 3], np.sin(angle[1:]), atol=1e-6)
    assert (source.timeline.horizon, source.train.inputs.shape[1]) == (7, 21)


def test_the_numbers_of_a_row_are_described():
    values = np.where(np.arange(100) == 20, np.nan, 2.0)
    assert str(source_of(values).timeline) == (
        "for each 1 hour, (s0 - 2) / 1, s0 is blank, sine and cosine of the hour, "
        "sine and cosine of the weekday"
    )


def test_times_after_the_last_are_written_with_a_clock_only_if_steps_are_short():
    line = source_of(np.arange(100.0)).timeline
    after = line.after(times_of("2024-01-01", 24))
    assert [line.written(time) for time in after] == ["2024-01-02T00:00:00", "2024-01-02T01:00:00"]
    daily = dataclasses.replace(line, count=86400)
    assert daily.written(dates("2024-01-02")[0]) == "2024-01-02"
    assert daily.written(dates("2024-01-02T12:00")[0]) == "2024-01-02T12:00:00"


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.arange(20.0), {"window": 30}, r"enough rows for window=30 and horizon=2.*20 rows, 14"),
        (np.arange(20.0), {"horizon": 5}, "14, 2 and 4 to train, validate and test"),
        (np.arange(99.0), {"validation": 0.5, "test": 0.5}, "leave something to train on"),
        (np.arange(99.0), {"test": 1.5}, "`test`.*a fraction"),
        (np.arange(99.0), {"window": 0}, "`window`.*positive"),
        (np.arange(99.0), {"season": 1}, "`season`.*at least 2"),
        (np.where(np.arange(99) < 80, np.nan, 1.0), {}, "column `s0` of data.*none"),
        (np.where(np.arange(99) % 2, np.nan, 1.0), {}, "no blank in 2 rows.*blanks in all"),
    ],
)
def test_data_that_cannot_be_used_are_named(values, options, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        source_of(values, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"unit": "moons"},
        {"form": "%Q"},
        {"count": 0},
        {"outputs": 2},
        {"mean": ()},
        {"horizon": 0},
        {"calendar": ("era",)},
    ],
)
def test_impossible_facts_of_a_damaged_file_are_refused(change):
    with pytest.raises(ValueError, match=r"times each|series|horizon"):
        dataclasses.replace(source_of(np.arange(100.0)).timeline, **change)
