"""Regression: one or several numbers for an image, a series or a row of a table."""

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
    """Learn to predict numbers from examples; targets are standardized.

    The loss is the mean squared error; the mean absolute error is in the target's unit. R^2 says
    how much better than the mean a prediction is:

        R^2 = 1 - sum (y - y^)^2 / sum (y - mean)^2

    With several targets, the squared error and R^2 are means over them. R^2 and the absolute error
    of each are reported under its name, such as "mae price".
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
    has_head = True
    usage = USAGE
    keras_usage = "model.summary()"

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": len(self._outputs)}

    @property
    def _outputs(self):
        """The names of the targets; of a single one, "value"."""
        return self.info.outputs or ("value",)

    @property
    def _scale(self):
        """The mean and the standard deviation of each target."""
        scale = self.info.target_scale or (0.0, 1.0)
        return tuple(np.array(part if isinstance(part, tuple) else (part,)) for part in scale)

    def check_model(self, model):
        self.check_network(model, len(self._outputs))

    def compile(self, model, optimizer, **settings):
        # the gradients of recurrent layers can explode
        clipped = {"global_clipnorm": 1.0} if len(self.info.shape) == 2 else {}
        task.compile_and_build(
            model,
            optimizer(**clipped),
            keras.losses.MeanSquaredError(),
            **settings,
        )

    def evaluate(self, model, dataset):
        return self._metrics(*self.apply_all(model, dataset))

    def baselines(self, splits):
        if len(self.info.shape) != 1:
            return {}
        from sklearn import dummy, ensemble, linear_model, multioutput

        inputs, targets = task.gather(splits.train, MOST)
        tested, truth = task.gather(splits.test)
        several, boosting = targets.shape[1] > 1, ensemble.HistGradientBoostingRegressor
        boosted = boosting(random_state=0)
        models = {
            "mean": dummy.DummyRegressor(),
            "ridge": linear_model.Ridge(),
            "boosted trees": multioutput.MultiOutputRegressor(boosted) if several else boosted,
        }
        found = {}
        for name, model in models.items():
            answers = model.fit(inputs, targets if several else targets[:, 0]).predict(tested)
            metrics = self._metrics(answers.reshape(truth.shape), truth)
            found[name] = {k: v for k, v in metrics.items() if k.startswith(("r2", "mae"))}
        return found

    def figures(self, model, splits, history):
        return {"curves": lambda: explain.curves(history)}

    def predict(self, model, inputs, folder):
        (mean, deviation), rows = self._scale, []
        for places, _, outputs in self.predict_files(model, inputs):
            for place, values in zip(places, (outputs * deviation + mean).tolist(), strict=True):
                rows.append({**place, **dict(zip(self._outputs, values, strict=True))})
        return rows

    def exports(self, model, splits):
        inputs, labels = task.gather(splits.test)
        return {"model": task.Export(model, inputs, labels)}

    def measure(self, parts, model, splits):
        inputs, targets = task.gather(splits.test)
        return self._metrics(parts["model"](inputs), targets)

    def _metrics(self, predictions, targets):
        squared, absolute = (predictions - targets) ** 2, np.abs(predictions - targets)
        mae = absolute.mean(axis=0, dtype="float64") * self._scale[1]
        variance = np.var(targets, axis=0, dtype="float64")
        # a single row, or equal targets, have no variance to explain
        variance[variance == 0] = np.nan
        mse = squared.mean(axis=0, dtype="float64")
        r2 = 1 - mse / variance
        metrics = {"mse": float(mse.mean()), "r2": float(r2.mean())}
        if not self.info.outputs:
            return {**metrics, "mae": float(mae[0])}
        for i, name in enumerate(self._outputs):
            metrics |= {f"r2 {name}": float(r2[i]), f"mae {name}": float(mae[i])}
        return metrics
