"""Regression: R^2, the squared error, and predictions in the unit of the target."""

import math

import keras
import numpy as np
import pytest

from kerasdl import tasks
from kerasdl.data.columns import Column
from tests.tasks import made

X = np.arange(8, dtype="float32").reshape(4, 2)
Y = np.array([[0.0], [1.0], [2.0], [5.0]], "float32")
COLUMNS = tuple(Column(name, None, (0.0,), (1.0,)) for name in "ab")


def task_of(**facts):
    splits = made.splits(X, Y, "regression", columns=COLUMNS, target="y", **facts)
    return tasks.create("regression", splits.info), splits


def test_r2_is_one_for_the_truth_and_zero_for_the_mean():
    task, splits = task_of()
    assert task.evaluate(made.Answers(Y), splits.test) == {"mse": 0, "r2": 1, "mae": 0}
    mean = np.full_like(Y, 2.0)
    assert task.evaluate(made.Answers(mean), splits.test) == {"mse": 3.5, "r2": 0, "mae": 1.5}
    assert task.measure({"model": lambda x: Y + 1}, None, splits) == pytest.approx(
        {"mse": 1, "r2": 1 - 1 / 3.5, "mae": 1}
    )


def test_several_targets_are_reported_by_name_in_their_units(tmp_path):
    y = np.array([[0.0, 1.0], [2.0, -1.0], [0.0, 1.0], [2.0, -1.0]], "float32")
    facts = {"outputs": ("price", "area"), "target_scale": ((10.0, 0.0), (3.0, 100.0))}
    splits = made.splits(X, y, "regression", columns=COLUMNS, target="price,area", **facts)
    task = tasks.create("regression", splits.info)
    assert task.model_options() == {"input_shape": (2,), "num_classes": 2}
    found = task.evaluate(made.Answers(y + np.array([[1.0, 0.5]], "float32")), splits.test)
    assert found == {
        "mse": (1 + 0.25) / 2,
        "r2": (0 + 0.75) / 2,
        "r2 price": 0,
        "mae price": 3,
        "r2 area": 0.75,
        "mae area": 50,
    }
    file = tmp_path / "rows.csv"
    file.write_text("b,a,area\n1,2,\n")
    (row,) = task.predict(made.Answers(y[1:2]), [str(file)], tmp_path)
    assert row == {"input": str(file), "line": 2, "price": 16.0, "area": -100.0}
    assert list(task.baselines(splits)["ridge"]) == [*found][1:]


def test_r2_of_equal_targets_is_undefined():
    found = task_of()[0]._metrics(np.ones((3, 1)), np.zeros((3, 1)))
    assert found["mse"] == 1 and math.isnan(found["r2"])


@pytest.mark.parametrize(
    ("scale", "values"), [(None, [1.0, 2.0]), ((10.0, 3.0), [13.0, 16.0])], ids=["none", "scale"]
)
def test_predictions_have_the_unit_of_the_target_and_line_numbers(scale, values, tmp_path):
    task, _ = task_of(target_scale=scale)
    file = tmp_path / "rows.csv"
    file.write_text("b,a\n1,2\n3,4\n")
    outputs = np.array([[1.0], [2.0]], "float32")
    rows = task.predict(made.Answers(outputs), [str(file)], tmp_path)
    assert [row["value"] for row in rows] == values
    assert [row["input"] for row in rows] == [str(file)] * 2
    assert [row["line"] for row in rows] == [2, 3]


def test_model_has_one_output_and_learns_the_squared_error():
    task, splits = task_of()
    assert task.model_options() == {"input_shape": (2,), "num_classes": 1}
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    task.compile(model, lambda: keras.optimizers.SGD(0.0), steps_per_execution=3)
    assert model.optimizer.built and model.steps_per_execution == 3 and not model.jit_compile
    assert model.evaluate(task.prepare(splits.test), verbose=0) == pytest.approx(7.5)
    assert made.drawn(task.figures(model, splits, {"loss": [1.0], "val_loss": [1.0]})) == {"curves"}
    (export,) = task.exports(model, splits).values()
    assert export.model is model and export.activation is None and not task.shown_in_demo
    np.testing.assert_array_equal(export.inputs, X)
    np.testing.assert_array_equal(export.labels, Y)


@pytest.mark.parametrize(("file", "holds"), [(2.0, True), (2.01, True), (2.03, False)])
def test_file_may_add_one_percent_of_error(file, holds):
    assert task_of()[0].criterion.holds(file, 2.0) == holds


def test_absolute_error_has_the_unit_of_the_target():
    task, splits = task_of(target_scale=(10.0, 3.0))
    assert task.measure({"model": lambda x: Y + 1}, None, splits)["mae"] == pytest.approx(3)


def test_baselines_learn_from_the_training_split():
    x = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    y = x[:, :1] + np.abs(x[:, 1:])
    splits = made.splits(x, y, "regression", batch=100, target_scale=(0.0, 2.0))
    found = tasks.create("regression", splits.info).baselines(splits)
    assert list(found) == ["mean", "ridge", "boosted trees"]
    assert found["mean"]["r2"] == pytest.approx(0, abs=1e-6)
    assert found["mean"]["mae"] == pytest.approx(2 * np.abs(y - y.mean()).mean(), rel=1e-4)
    assert 0.6 < found["ridge"]["r2"] < 0.9 < found["boosted trees"]["r2"]
    images = made.splits(x[:, :, None], y, "regression")
    assert tasks.create("regression", images.info).baselines(images) == {}
