"""Forecasting: naive forecasts, errors in the unit of the data, files of users."""

import csv
import json

import keras
import numpy as np
import pytest

from kerasdl import create_model, data, recipes, tasks
from kerasdl.data.timeline import Timeline
from kerasdl.errors import InvalidInput
from kerasdl.tasks.forecasting import Forecasting
from tests.tasks import made

LINE = Timeline(
    column="date",
    form="ISO8601",
    unit="seconds",
    count=86400,
    series=("sales", "price"),
    outputs=1,
    horizon=3,
    seasons=(2, 7),
    calendar=("weekday",),
    mean=(10.0, 0.0),
    deviation=(2.0, 1.0),
)
X = np.random.default_rng(0).normal(size=(4, 5, 4)).astype("float32")
Y = X[:, -1:, :1] + np.array([[[0.0], [1.0], [-2.0]]], "float32")


def task_of(y=Y, **changes):
    line = Timeline(**{**{f: getattr(LINE, f) for f in LINE.__dataclass_fields__}, **changes})
    splits = made.splits(X, y, "series", timeline=line)
    return tasks.create("forecasting", splits.info), splits


def test_naive_forecasts_repeat_the_last_value_or_the_last_season():
    simple = task_of()[0].simple_forecasts(X)
    assert list(simple) == ["naive", "seasonal naive, 2 steps"]  # the window is shorter than 7
    np.testing.assert_array_equal(simple["naive"], X[:, [4, 4, 4], :1])
    np.testing.assert_array_equal(simple["seasonal naive, 2 steps"], X[:, [3, 4, 3], :1])
    long = task_of(seasons=(5,))[0].simple_forecasts(X)["seasonal naive, 5 steps"]
    np.testing.assert_array_equal(long, X[:, [0, 1, 2], :1])


@pytest.mark.rows("MET-15")
def test_errors_are_in_the_unit_and_relative_to_the_better_naive_forecast():
    task, splits = task_of()
    naive = task.baselines(splits)["naive"]
    assert naive == pytest.approx({"relative": 1, "mae": 2, "rmse": 2 * np.sqrt(5 / 3)}, rel=1e-5)
    assert task.baselines(splits)["seasonal naive, 2 steps"]["relative"] > 1
    found = task.evaluate(made.Answers(Y + 0.5), splits.test)
    assert found == pytest.approx({"relative": 0.5, "mae": 1, "rmse": 1}, rel=1e-5)
    assert task.measure({"model": lambda x: Y + 0.5}, None, splits) == pytest.approx(found)
    assert task.criterion.holds(0.505, 0.5) and not task.criterion.holds(0.506, 0.5)


def test_each_of_several_series_has_its_own_best_naive_forecast():
    y = np.concatenate([Y, X[:, [3, 4, 3], 1:2] + 0.25], axis=2)
    task, splits = task_of(y, outputs=2)
    assert task.model_options() == {"outputs": 2, "horizon": 3, "input_shape": (5, 4)}
    found = task.baselines(splits)["seasonal naive, 2 steps"]
    assert found["relative price"] == pytest.approx(1) and found["relative sales"] > 1
    assert found["mae price"] == pytest.approx(0.25, rel=1e-5)
    assert found["relative"] == pytest.approx((1 + found["relative sales"]) / 2)
    assert list(found)[1:4] == ["relative sales", "mae sales", "rmse sales"]


def test_a_series_that_a_naive_forecast_foresees_has_no_relative_error():
    task, splits = task_of(np.repeat(X[:, -1:, :1], 3, axis=1))
    assert np.isnan(task.baselines(splits)["naive"]["relative"])


def test_figures_compilation_and_export():
    task, splits = task_of()
    model = create_model("forecaster_tiny", **task.model_options())
    task.check_model(model)
    task.compile(model, lambda **options: keras.optimizers.SGD(0.0, **options))
    error = np.abs(model(X) - Y).mean()
    assert model.evaluate(splits.test, verbose=0) == pytest.approx(error, rel=1e-4)
    assert made.drawn(task.figures(model, splits, {"loss": [1.0]})) == {"curves", "forecasts"}
    (export,) = task.exports(model, splits).values()
    np.testing.assert_array_equal(export.inputs, X)
    with pytest.raises(InvalidInput, match=r"a network from .*\(None, 3, 1\)"):
        task.check_model(create_model("forecaster_tiny", input_shape=(5, 4), horizon=2))


def test_the_next_values_of_a_file_have_their_times(tmp_path):
    task, _ = task_of()
    file = tmp_path / "history.csv"
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["price", "date", "sales"])
        writer.writerows([1, f"2024-02-{day}", day] for day in range(20, 29))
    answer = np.array([[[0.0], [1.0], [-1.5]]], "float32")
    rows = task.predict(made.Answers(answer), [str(file)], tmp_path)
    assert [row["date"] for row in rows] == ["2024-02-29", "2024-03-01", "2024-03-02"]
    assert [row["sales"] for row in rows] == [10.0, 12.0, 7.0]
    assert [row["input"] for row in rows] == [str(file)] * 3
    assert task.suffixes == (".csv", ".tsv", ".parquet")
    with pytest.raises(InvalidInput, match="no file"):
        task.predict(made.Answers(answer), [str(tmp_path / "none.csv")], tmp_path)


def test_data_without_times_are_refused():
    with pytest.raises(InvalidInput, match="a table with a column of times"):
        Forecasting(made.splits(X, Y, "series").info)
    with pytest.raises(InvalidInput, match="data for forecasting: series"):
        tasks.create("forecasting", data.load("sine", count=700).info)


@pytest.mark.rows("OTH-05", "RNN-34")
def test_recorded_forecasts_are_better_than_naive_ones_in_every_seed():
    results = json.loads((recipes.RESULTS / "forecaster.json").read_text(encoding="utf-8"))
    for found in results["seeds"].values():
        assert set(found["baselines"]) == {
            "naive",
            "seasonal naive, 24 steps",
            "seasonal naive, 168 steps",
        }
        for metric in ("mae", "rmse"):
            best = min(part[metric] for part in found["baselines"].values())
            assert found["test"][metric] < 0.8 * best
