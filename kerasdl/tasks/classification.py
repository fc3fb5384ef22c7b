"""Classification: one of several classes for an image or a row of a table."""

import functools
from types import MappingProxyType
from typing import ClassVar

import keras
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.explain import layers
from kerasdl.tasks import task
from kerasdl.utils import files

USAGE = """\
The input is a `float32` image of shape {input_shape}, gray from 0 (paper) to 1 (ink). The output
holds {outputs} logits: the largest is the answer, and softmax turns them into probabilities.
`labels` names the classes. `kerasdl demo {folder}` lets you draw a digit in the browser.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
images, labels = next(kerasdl.data.load("{data}").test.as_numpy_iterator())
logits = model.predict(images)  # (64, {outputs})
answers = [model.labels[i] for i in logits.argmax(-1)]
print("".join(answers), "".join(map(str, labels)), sep="\\n")
```
"""


class Classification(task.Task):
    """Learn the class of an image or a row from labeled examples.

    The model gives logits. The loss is the cross-entropy, optionally with label smoothing. With
    `class_weights="balanced"`, an example of a class that has n_c of the n training examples weighs

        w_c = n / (classes n_c)

    in the training loss, as by the argument `class_weight` of Keras's `fit`.
    """

    title = "classification"
    kinds = ("classification",)
    otherwise: ClassVar[tuple[str, ...]] = ("regression", "tagging")
    defaults = MappingProxyType({"label_smoothing": 0.0, "class_weights": None})
    metrics = (
        task.Metric("accuracy", "max", "fraction of correct answers"),
        task.Metric("cross_entropy", "min", "cross-entropy of the correct class, in nats"),
    )
    criterion = task.Criterion(
        "accuracy",
        "at most 0.005 less accuracy than the float file",
        lambda file, whole: file >= whole - 0.005,
    )
    has_head = True
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        self.require("classes")
        if self.options["class_weights"] and not self.info.class_counts:
            expected = "data whose labels are counted when they are loaded"
            raise errors.InvalidInput("data for `class_weights`", expected, self.info.name)

    @property
    def class_weights(self):
        if not self.options["class_weights"]:
            return None
        counts = self.info.class_counts
        weights = [sum(counts) / (len(counts) * max(count, 1)) for count in counts]
        return dict(zip(self.info.classes, weights, strict=True))

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": len(self.info.classes)}

    def check_model(self, model):
        self.check_network(model, len(self.info.classes))

    def prepare(self, dataset):
        count = len(self.info.classes)  # one-hot, because Keras smooths only such labels
        return dataset.map(lambda x, label: (x, tf.one_hot(label, count)), name="one_hot")

    def prepare_train(self, dataset):
        prepared, weights = self.prepare(dataset), self.class_weights
        if weights is None:
            return prepared
        table = tf.constant([*weights.values()], "float32")

        def weighted(x, one_hot):
            return x, one_hot, tf.gather(table, tf.argmax(one_hot, -1))

        return prepared.map(weighted, name="class_weights")

    def compile(self, model, optimizer, **settings):
        task.compile_and_build(
            model,
            optimizer(),
            keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=self.options["label_smoothing"]
            ),
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            **settings,
        )

    def evaluate(self, model, dataset):
        return _metrics(*self.apply_all(model, dataset))

    def figures(self, model, splits, history):
        names = self.info.classes

        @functools.cache
        def outputs():
            return self.apply_all(model, splits.test)

        def confusion():
            logits, labels = outputs()
            return explain.confusion(labels, logits.argmax(-1), names)

        def mistakes():
            images, labels = task.gather(splits.test)
            probabilities = tf.nn.softmax(outputs()[0]).numpy()
            return explain.predictions(images, labels, probabilities, names)

        def feature_maps():
            return explain.feature_maps(model, task.gather(splits.test, 1)[0][0])

        drawn = {"curves": lambda: explain.curves(history), "confusion": confusion}
        if len(self.info.shape) == 3:
            drawn["mistakes"] = mistakes
            if _has_maps(model):
                drawn["feature_maps"] = feature_maps
        return drawn

    def write_examples(self, model, splits, folder):
        task.save_images(splits, folder)

    def predict(self, model, inputs, folder):
        rows = []
        for places, _, logits in self.predict_files(model, inputs):
            probabilities = tf.nn.softmax(logits).numpy()
            rows += [{**p, **self._answer(q)} for p, q in zip(places, probabilities, strict=True)]
        return rows

    def _answer(self, probabilities):
        classes = self.info.classes
        best = probabilities.argsort()[::-1][:3]
        return {
            "prediction": classes[best[0]],
            "probability": round(float(probabilities[best[0]]), 4),
            "then": ", ".join(f"{classes[i]} {probabilities[i]:.3f}" for i in best[1:]),
        }

    def explain(self, model, inputs):
        if not _convolves(model):
            raise errors.InvalidInput("run to explain an input of", "convolutions", model.name)
        pictures = dict(zip(files.stems(inputs), self.read_images(inputs), strict=True))
        return {
            f"feature_maps-{name}": functools.partial(explain.feature_maps, model, picture)
            for name, picture in pictures.items()
        }

    def exports(self, model, splits):
        inputs, labels = task.gather(splits.test)
        return {"model": task.Export(model, inputs, labels, "softmax")}

    def measure(self, parts, model, splits):
        inputs, labels = task.gather(splits.test)
        return _metrics(parts["model"](inputs), labels)

    @property
    def shown_in_demo(self):
        return len(self.info.shape) == 3


def _metrics(logits, labels):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy()
    right = logits.argmax(-1) == labels
    return {"accuracy": float(right.mean()), "cross_entropy": float(losses.mean())}


def _has_maps(model):
    """Return whether a layer of the model makes feature maps, which a transformer's do not."""
    try:
        return bool(layers.spatial_layers(model))
    except errors.InvalidInput:
        return False


def _convolves(model):
    return any(isinstance(layer, keras.layers.Conv2D) for layer in model._flatten_layers())
