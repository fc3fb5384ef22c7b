"""Forecasting: the next values of one or several series, beside naive forecasts."""

import functools
import types
from typing import cast

import keras
import numpy as np

from kerasdl import errors, explain
from kerasdl.data.readers import series, table
from kerasdl.data.timeline import Timeline
from kerasdl.tasks import task

USAGE = """\
The input is a window of rows, `float32` {input_shape}, standardized as the file's description says;
the output holds the standardized values of the steps that follow, {output_shape}.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
windows, following = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
print(abs(model.predict(windows) - following).mean())
```
"""
SHOWN = 4  # forecasts in a figure
NAIVE = "naive"


class Forecasting(task.Task):
    """Learn to forecast the next steps of series from a window of the last ones.

    The loss is the mean absolute error of standardized values. Beside every result stand two
    forecasts that need no model, on the same windows: the last value repeated (naive), and the
    values of one season before (seasonal naive), such as yesterday's or last week's:

        y_{T+k} = x_T        y_{T+k} = x_{T+k-m}

    `relative` is the mean absolute error divided by that of the better of them, as a scaled error
    is; with several series it is the mean over them, each compared with its own best. Errors have
    the unit of the data. With several series, those of each are reported under its name.
    """

    title = "forecasting"
    kinds = ("series",)
    table_options = types.MappingProxyType({"task": "series"})
    metrics = (
        task.Metric(
            "relative", "min", "absolute error, as a fraction of the best naive forecast's"
        ),
        task.Metric("mae", "min", "mean absolute error in the series' unit"),
        task.Metric("rmse", "min", "root of the mean squared error in the series' unit"),
    )
    criterion = task.Criterion(
        "relative",
        "at most 1 % more absolute error than the float file",
        lambda file, whole: file <= 1.01 * whole,
    )
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        if self.info.timeline is None:
            expected = f"a table with a column of times for {self.title}"
            raise errors.InvalidInput("data", expected, self.info.name)

    @property
    def _line(self) -> Timeline:
        return cast(Timeline, self.info.timeline)  # `check_data` refuses data without

    def model_options(self):
        line = self._line
        return {
            "outputs": line.outputs,
            "horizon": line.horizon,
            "input_shape": tuple(self.info.shape),
        }

    def check_model(self, model):
        line = self._line
        wanted = [(None, *self.info.shape), (None, line.horizon, line.outputs)]
        tensors = keras.tree.flatten([model.inputs, model.outputs])
        found = [tuple(tensor.shape) for tensor in tensors]
        if found != wanted:
            expected = f"a network from {wanted[0]} to {wanted[1]}"
            received = f"{model.name}, {', '.join(map(str, found))}"
            raise errors.InvalidInput(f"model for {self.title}", expected, received)

    def compile(self, model, optimizer, **settings):
        loss = keras.losses.MeanAbsoluteError()
        task.compile_and_build(model, optimizer(global_clipnorm=1.0), loss, **settings)

    @property
    def suffixes(self):
        return (*table.SEPARATED, ".parquet")

    def evaluate(self, model, dataset):
        parts = [(x.numpy(), self.apply(model, x), y.numpy()) for x, y in dataset]
        inputs, outputs, targets = map(np.concatenate, zip(*parts, strict=True))
        return self._metrics(outputs, targets, inputs)

    def simple_forecasts(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return the naive forecasts, and for each season the seasonal ones, by name.

        Args:
            inputs: (windows, window, features), as the data has them.

        Returns:
            dict of (windows, horizon, outputs), standardized.
        """
        line, window = self._line, inputs.shape[1]
        values, steps = inputs[..., : line.outputs], np.arange(line.horizon)
        found = {NAIVE: np.repeat(values[:, -1:], line.horizon, axis=1)}
        for season in line.seasons:
            if season <= window:
                name = f"seasonal naive, {season} steps"
                found[name] = values[:, window - season + steps % season]
        return found

    def baselines(self, splits):
        inputs, targets = task.gather(splits.test)
        simple = self.simple_forecasts(inputs)
        return {name: self._metrics(found, targets, inputs) for name, found in simple.items()}

    def figures(self, model, splits, history):
        def forecasts():
            inputs, targets = task.gather(splits.test)
            rows = np.linspace(0, len(inputs) - 1, min(SHOWN, len(inputs))).astype(int)
            inputs, targets = inputs[rows], targets[rows]
            answers = {"forecast": self.apply(model, inputs), **self.simple_forecasts(inputs)}
            answers = {name: self._in_unit(part)[..., 0] for name, part in answers.items()}
            past = self._in_unit(inputs[..., : targets.shape[2]])[..., 0]
            return explain.forecasts(past, self._in_unit(targets)[..., 0], answers)

        return {"curves": lambda: explain.curves(history), "forecasts": forecasts}

    def predict(self, model, inputs, folder):
        line, rows = self._line, []
        for path in inputs:
            task._check_files([path], "a .csv file")
            window, times = series.read_history(path, line, self.info.shape[0])
            values = self._in_unit(self.apply(model, window))[0].tolist()
            for time, step in zip(times, values, strict=True):
                named = dict(zip(line.series, step, strict=False))  # the first ones are forecast
                rows.append({"input": path, line.column: line.written(time), **named})
        return rows

    def exports(self, model, splits):
        inputs, _ = task.gather(splits.test)
        return {"model": task.Export(model, inputs)}

    def measure(self, parts, model, splits):
        inputs, targets = task.gather(splits.test)
        return self._metrics(np.asarray(parts["model"](inputs)), targets, inputs)

    @functools.cached_property
    def _scale(self):
        line = self._line
        return tuple(np.array(part[: line.outputs]) for part in (line.mean, line.deviation))

    def _in_unit(self, values):
        mean, deviation = self._scale
        return values * deviation + mean

    def _errors(self, forecasts, targets):
        """Return the absolute error and the root of the squared error of each series."""
        missed = (forecasts.astype("float64") - targets) * self._scale[1]
        return np.abs(missed).mean(axis=(0, 1)), np.sqrt((missed**2).mean(axis=(0, 1)))

    def _metrics(self, forecasts, targets, inputs):
        mae, rmse = self._errors(forecasts, targets)
        simple = self.simple_forecasts(inputs).values()
        best = np.min([self._errors(found, targets)[0] for found in simple], axis=0)
        # a series that a naive forecast foresees exactly leaves nothing to compare with
        best[best == 0] = np.nan
        relative = mae / best
        if len(mae) == 1:
            return {"relative": float(relative[0]), "mae": float(mae[0]), "rmse": float(rmse[0])}
        metrics = {"relative": float(relative.mean())}
        for i, name in enumerate(self._line.series[: len(mae)]):
            parts = {"relative": relative[i], "mae": mae[i], "rmse": rmse[i]}
            metrics |= {f"{metric} {name}": float(value) for metric, value in parts.items()}
        return metrics
