"""Localization: the class of the one object of an image, and the box around it."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.formulas import boxes
from kerasdl.tasks import task
from kerasdl.utils import files

USAGE = """\
The input is a `float32` image of shape {input_shape} in [0, 1]. The outputs are `class`, {outputs}
logits, and `box`: x1, y1, x2, y2 as fractions of the image's width and height.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
splits = kerasdl.data.load("{data}", elements="class,boxes")
images, targets = next(splits.test.as_numpy_iterator())
outputs = model.predict(images)
print(outputs["class"].argmax(-1)[:5], outputs["box"][:5].round(2))
```
"""


class Localization(task.Task):
    """Learn class and box of one object in each image.

    A localization is correct if the class is right and the box overlaps the true one enough:

        IoU = area(intersection) / area(union) > 0.5
    """

    title = "localization of one object"
    kinds = ("boxes",)
    metrics = (
        task.Metric("localized", "max", "fraction with the correct class and an IoU above 0.5"),
        task.Metric("accuracy", "max", "fraction of correct classes"),
        task.Metric("iou", "max", "mean intersection over union of predicted and true boxes"),
    )
    criterion = task.Criterion(
        "localized",
        "at most 0.01 fewer correct localizations than the float file",
        lambda file, whole: file >= whole - 0.01,
    )
    drawn = "boxes"
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        self.require("classes")

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": len(self.info.classes)}

    def check_model(self, model):
        if sorted(model.output_names) != ["box", "class"] or len(model.inputs) != 1:
            expected = "a network with the outputs `class` and `box`"
            raise errors.InvalidInput(f"model for {self.title}", expected, model.name)

    def prepare(self, dataset):
        targets = dataset.element_spec[1]
        names = [*targets] if isinstance(targets, dict) else ["boxes"]
        if not {"class", "boxes"} <= set(names) or targets["boxes"].shape[1] != 1:
            expected = f"a class and one box for each image for {self.title}"
            received = f"{self.info.name}, with {', '.join(names)}"
            raise errors.InvalidInput("data", expected, received)

        def one(image, targets):
            return image, {"class": targets["class"], "box": targets["boxes"][:, 0]}

        return dataset.map(one, name="one_object")

    def compile(self, model, optimizer, **settings):
        settings = {**model.training_defaults(), "optimizer": optimizer(), **settings}
        task.compile_and_build(model, **settings)

    def evaluate(self, model, dataset):
        images, targets = _arrays(dataset)
        outputs = model.predict(images, batch_size=100, verbose=0)
        return _metrics(outputs, targets)

    def figures(self, model, splits, history):
        def boxes():
            images, targets = _arrays(splits.test, 12)
            outputs = model.predict_on_batch(images)
            return self._draw(images, outputs, targets["boxes"][:, 0])

        return {"curves": lambda: explain.curves(history), "boxes": boxes}

    def _draw(self, images, outputs, true=None):
        probabilities = tf.nn.softmax(outputs["class"]).numpy()
        names = [self.info.classes[i] for i in probabilities.argmax(-1)]
        titles = [f"{n} {p:.0%}" for n, p in zip(names, probabilities.max(-1), strict=True)]
        return explain.boxes(images, outputs["box"], titles, true)

    def write_examples(self, model, splits, folder):
        folder.mkdir(exist_ok=True)
        images, targets = _arrays(splits.test)
        for label, name in enumerate(self.info.classes):
            for image in images[targets["class"] == label][:1]:
                file = folder / f"{files.safe_name(name)}.png"
                keras.utils.save_img(file, image * 255, scale=False)

    def predict(self, model, inputs, folder):
        rows: list[dict] = []
        for places, _, outputs in self.predict_files(model, inputs):
            probabilities = tf.nn.softmax(outputs["class"]).numpy()
            for place, some, box in zip(places, probabilities, outputs["box"], strict=True):
                rows.append(
                    {
                        **place,
                        "prediction": self.info.classes[some.argmax()],
                        "probability": round(float(some.max()), 4),
                        "box": " ".join(f"{number:.2f}" for number in box),
                    }
                )
        return rows

    def explain(self, model, inputs):
        images = self.read_images(inputs)
        return {"boxes_of_inputs": lambda: self._draw(images, model.predict_on_batch(images))}

    def exports(self, model, splits):
        images, _ = _arrays(splits.test, 256)
        return {"model": task.Export(model, images)}

    def measure(self, parts, model, splits):
        images, targets = _arrays(splits.test)
        return _metrics(parts["model"](images), targets)


def _metrics(outputs, targets):
    right = outputs["class"].argmax(-1) == targets["class"]
    iou = np.diag(boxes.iou(outputs["box"], targets["boxes"][:, 0]))
    return {
        "localized": float((right & (iou > 0.5)).mean()),
        "accuracy": float(right.mean()),
        "iou": float(iou.mean()),
    }


def _arrays(dataset, count=None):
    """Return the images and the targets of the first `count` examples, or of all."""
    images, targets, seen = [], [], 0
    for image, target in dataset.as_numpy_iterator():
        images.append(image)
        targets.append(target)
        seen += len(image)
        if count and seen >= count:
            break
    names = targets[0]
    joined = {name: np.concatenate([each[name] for each in targets])[:count] for name in names}
    return np.concatenate(images)[:count], joined
