"""Regression: a number for an image, a series or a row of a table."""

import keras
import numpy as np

from kerasdl import explain
from kerasdl.tasks import task

USAGE = """\
The input is a `float32` vector, standardized as the file's description says; the output is the
standardized prediction.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
inputs, targets = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
print(model.predict(inputs)[:5, 0], targets[:5, 0])
```
"""
MOST = 100_000  # rows that the baselines learn from, in seconds


class Regression(task.Task):
    """Learn to predict a number from examples; targets are standardized.

    The loss is the mean squared error; the mean absolute error is in the target's unit. R^2 says
    how much better than the mean a prediction is:

        R^2 = 1 - sum (y - y^)^2 / sum (y - mean)^2
    """

    title = "regression"
    kinds = ("regression",)
    metrics = (
        task.Metric("mse", "min", "mean squared error of the standardized target"),
        task.Metric("r2", "max", "fraction of the target's variance that is explained"),
        task.Metric("mae", "min", "mean absolute error in the target's unit"),
    )
    criterion = task.Criterion(
        "mse",
        "at most 1 % more squared error than the float file",
        lambda file, whole: file <= 1.01 * whole,
    )
    usage = USAGE
    keras_usage = "model.summary()"

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": 1}

    def compile(self, model, optimizer, **settings):
        task.compile_and_build(
            model,
            optimizer(),
            keras.losses.MeanSquaredError(),
            **settings,
        )

    def evaluate(self, model, dataset):
        return self._metrics(*self.apply_all(model, dataset))

    def baselines(self, splits):
        if len(self.info.shape) != 1:
            return {}
        from sklearn import dummy, ensemble, linear_model

        inputs, targets = task.gather(splits.train, MOST)
        tested, truth = task.gather(splits.test)
        models = {
            "mean": dummy.DummyRegressor(),
            "ridge": linear_model.Ridge(),
            "boosted trees": ensemble.HistGradientBoostingRegressor(random_state=0),
        }
        found = {}
        for name, model in models.items():
            answers = model.fit(inputs, targets[:, 0]).predict(tested)[:, None]
            metrics = self._metrics(answers, truth)
            found[name] = {metric: metrics[metric] for metric in ("r2", "mae")}
        return found

    def figures(self, model, splits, history):
        return {"curves": lambda: explain.curves(history)}

    def predict(self, model, inputs, folder):
        mean, deviation = self.info.target_scale or (0.0, 1.0)
        rows = []
        for places, _, outputs in self.predict_files(model, inputs):
            values = outputs[:, 0] * deviation + mean
            rows += [{**p, "value": float(v)} for p, v in zip(places, values, strict=True)]
        return rows

    def exports(self, model, splits):
        inputs, labels = task.gather(splits.test)
        return {"model": task.Export(model, inputs, labels)}

    def measure(self, parts, model, splits):
        inputs, targets = task.gather(splits.test)
        return self._metrics(parts["model"](inputs), targets)

    def _metrics(self, predictions, targets):
        _, deviation = self.info.target_scale or (0.0, 1.0)
        mse = float(np.mean((predictions - targets) ** 2))
        mae = float(np.mean(np.abs(predictions - targets))) * deviation
        variance = float(np.var(targets))
        # a single row, or equal targets, have no variance to explain
        return {"mse": mse, "r2": 1 - mse / variance if variance else float("nan"), "mae": mae}
