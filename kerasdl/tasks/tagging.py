"""Tagging: any number of labels for an image or a row of a table."""

from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf

from kerasdl import explain
from kerasdl.tasks import task

USAGE = """\
The input is what the file's description says. The output holds {outputs} logits, one for each of
`labels`: a sigmoid turns each into the probability that the label applies, whatever the others.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
inputs, tags = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
for logits in model.predict(inputs)[:5]:
    print([label for label, logit in zip(model.labels, logits) if logit > 0])
```
"""


class Tagging(task.Task):
    """Learn which of several labels apply to an example (multi-label classification).

    The model gives a logit for each label. The loss is the binary cross-entropy of its sigmoid,
    averaged over the labels. A label is predicted if its probability is above `threshold`:

        F1 = 2 TP / (2 TP + FP + FN)

    F1 and the area under the ROC curve are reported for each label, and their means. A label that
    no example has, or that all have, has no area, and is not in the mean.
    """

    title = "multi-label classification"
    kinds = ("tags",)
    defaults = MappingProxyType({"threshold": 0.5})
    metrics = (
        task.Metric("f1", "max", "mean F1 score of the labels"),
        task.Metric("auc", "max", "mean area under the ROC curve of the labels"),
        task.Metric("exact", "max", "fraction of examples with all labels right"),
        task.Metric("cross_entropy", "min", "mean binary cross-entropy of a label, in nats"),
    )
    criterion = task.Criterion(
        "f1",
        "at most 0.005 less F1 than the float file",
        lambda file, whole: file >= whole - 0.005,
    )
    has_head = True
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        self.require("classes")

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": len(self.info.classes)}

    def check_model(self, model):
        self.check_network(model, len(self.info.classes))

    def compile(self, model, optimizer, **settings):
        area = keras.metrics.AUC(
            multi_label=True, num_labels=len(self.info.classes), from_logits=True, name="auc"
        )
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        task.compile_and_build(model, optimizer(), loss, metrics=[area], **settings)

    def evaluate(self, model, dataset):
        means, each = self._metrics(*self.apply_all(model, dataset))
        return {**means, **each}

    def figures(self, model, splits, history):
        return {"curves": lambda: explain.curves(history)}

    def write_examples(self, model, splits, folder):
        task.save_images(splits, folder)

    def predict(self, model, inputs, folder):
        rows = []
        for places, _, logits in self.predict_files(model, inputs):
            probabilities = tf.sigmoid(logits).numpy()
            rows += [{**p, **self._answer(q)} for p, q in zip(places, probabilities, strict=True)]
        return rows

    def _answer(self, probabilities):
        likely = np.argsort(-probabilities, kind="stable")
        above = [i for i in likely if probabilities[i] > self.options["threshold"]]
        named = [f"{self.info.classes[i]} {probabilities[i]:.3f}" for i in likely]
        return {
            "prediction": ", ".join(self.info.classes[i] for i in above) or "none",
            "probabilities": ", ".join(named[: max(3, len(above))]),
        }

    def exports(self, model, splits):
        return {"model": task.Export(model, task.gather(splits.test)[0], activation="sigmoid")}

    def measure(self, parts, model, splits):
        inputs, targets = task.gather(splits.test)
        return self._metrics(parts["model"](inputs), targets)[0]

    def _metrics(self, logits, targets):
        """Return the metrics over all labels, and those of each label."""
        from sklearn import metrics

        right, threshold = targets > 0.5, self.options["threshold"]
        found = tf.sigmoid(logits).numpy() > threshold
        counts = 2 * np.sum(found & right, axis=0), np.sum(found, axis=0) + np.sum(right, axis=0)
        f1 = [doubled / total if total else np.nan for doubled, total in zip(*counts, strict=True)]
        area = [
            metrics.roc_auc_score(truth, scores) if 0 < truth.mean() < 1 else np.nan
            for truth, scores in zip(right.T, logits.T, strict=True)
        ]
        losses = tf.nn.sigmoid_cross_entropy_with_logits(right.astype("float32"), logits).numpy()
        each = {}
        for name, score, part in zip(self.info.classes, f1, area, strict=True):
            each |= {f"f1 {name}": float(score), f"auc {name}": float(part)}
        means = {
            "f1": _mean(f1),
            "auc": _mean(area),
            "exact": float((found == right).all(axis=1).mean()),
            "cross_entropy": float(losses.mean()),
        }
        return means, each


def _mean(values):
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
