"""Detection: the class of each object of an image, and the box around it."""

import functools
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from kerasdl import errors, explain
from kerasdl.data import images as image_files
from kerasdl.data.readers import folder as image_folder
from kerasdl.metrics import MeanAveragePrecision
from kerasdl.models.detection.detector import Detector
from kerasdl.models.detection.mask_rcnn import MaskRCNN
from kerasdl.tasks import task
from kerasdl.utils import files

LOWEST = 0.4  # score of a box that is predicted, drawn and in the files with suppression
COUNT = 100  # boxes of an image in these files
SHARP = 384  # pixels of the larger side of an image that is drawn with its boxes
CLIPNORM = 10.0  # the largest norm of all gradients, as in `Detector.training_defaults`
USAGE = """\
The input is a `float32` image of shape {input_shape} in [0, 1]. The outputs of the file
`detections` are `boxes` (x1, y1, x2, y2 as fractions of width and height), `class`, -1 where there
are no more, and `score`. Those of the file `model` are what `kerasdl` turns into boxes by the
layer `head` of the Keras model.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/detections-float.tflite")
splits = kerasdl.data.load("{data}", elements="class,boxes", objects=3)
images, _ = next(splits.test.as_numpy_iterator())
found = model.predict(images[:1])
there = found["class"] >= 0
print(found["class"][there], found["score"][there].round(2), found["boxes"][there].round(2))
```
"""


class Detection(task.Task):
    """Learn class and box of any number of objects in each image.

    Boxes are compared with the true ones by the rules of COCO:

        AP = mean over classes and overlaps of 0.5, 0.55, ..., 0.95 of the area under the curve of
        precision over recall

    See `kerasdl.metrics.MeanAveragePrecision`.
    """

    title = "detection of objects"
    kinds = ("boxes",)
    metrics = (
        task.Metric("ap", "max", "mean average precision over overlaps from 0.5 to 0.95 (COCO)"),
        task.Metric("ap50", "max", "mean average precision at an overlap of 0.5"),
        task.Metric("recall", "max", "mean recall over overlaps from 0.5 to 0.95 (COCO's AR 100)"),
    )
    criterion = task.Criterion(
        "ap50",
        "an AP50 at most 0.02 lower than that of the float file",
        lambda file, whole: file >= whole - 0.02,
    )
    drawn = "detections"
    usage = USAGE
    keras_usage = "model.summary()"
    elements: ClassVar[tuple[str, ...]] = ("class", "boxes")  # of the targets
    elements_in_words: ClassVar[str] = "a class and a box for each object"

    def check_data(self):
        self.require("classes")
        self.require_images()

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": len(self.info.classes)}

    def check_model(self, model):
        if not isinstance(model, Detector) or isinstance(model, MaskRCNN):
            expected = "a detector, such as retinanet_tiny"
            raise errors.InvalidInput(f"model for {self.title}", expected, model.name)
        self.check_shape(model.input_shape)

    def prepare(self, dataset):
        targets = dataset.element_spec[1]
        names = [*targets] if isinstance(targets, dict) else ["boxes"]
        if not {*self.elements} <= {*names}:
            expected = f"{self.elements_in_words} for {self.title}"
            received = f"{self.info.name}, with {', '.join(names)}"
            raise errors.InvalidInput("data", expected, received)

        def objects(image, targets):
            found = {name: targets[name] for name in self.elements}
            # of data with one object in each image, the classes are (batch,)
            classes = tf.reshape(found["class"], (-1, found["boxes"].shape[1]))
            return image, {**found, "class": classes}

        return dataset.map(objects, name="objects")

    def compile(self, model, optimizer, **settings):
        optimizer = optimizer(global_clipnorm=CLIPNORM)
        task.compile_and_build(
            model, **{**model.training_defaults(), "optimizer": optimizer, **settings}
        )

    def outputs(self, model, inputs):
        return model.detect(inputs)

    def evaluate(self, model, dataset):
        return self._metrics(functools.partial(self.apply, model), self.prepare(dataset))

    def _metrics(self, detect, dataset):
        pairs = [(targets, detect(images)) for images, targets in dataset.as_numpy_iterator()]
        numbers = self.average_precision(pairs)
        keys = {"ap": "ap", "ap50": "ap50", "recall": "ar_100"}
        return {name: numbers[key] for name, key in keys.items()}

    def average_precision(self, pairs: list[tuple[dict, dict]]) -> dict[str, float]:
        """Return the numbers of `MeanAveragePrecision` for batches of objects and detections."""
        count = sum(int((found["class"] >= 0).sum()) for _, found in pairs)
        metric = MeanAveragePrecision(
            len(self.info.classes or ()), tuple(self.info.shape[:2]), capacity=max(count, 1)
        )
        for true, found in pairs:
            metric.update_state(true, found)
        return {name: float(number) for name, number in metric.result().items()}

    def figures(self, model, splits, history):
        def detections():
            dataset = self.prepare(splits.test).map(lambda image, true: (image, true["boxes"]))
            images, true = task.gather(dataset, 12)
            return self._draw(images, self.apply(model, images), true)

        return {"curves": lambda: explain.curves(history), "detections": detections}

    def _draw(self, images, outputs, true=None, with_scores=False):
        boxes, names, scores = zip(*self._found(outputs), strict=True)
        return explain.detections(images, boxes, names, true, scores if with_scores else None)

    def _found(self, outputs):
        """Return boxes, names and scores of the objects of each image."""
        for boxes, labels, scores in zip(
            outputs["boxes"], outputs["class"], outputs["score"], strict=True
        ):
            there = (labels >= 0) & (scores >= LOWEST)
            yield boxes[there], [self.info.classes[i] for i in labels[there]], scores[there]

    def write_examples(self, model, splits, folder):
        folder.mkdir(exist_ok=True)
        for number, image in enumerate(_images(splits.test, 5), 1):
            with files.atomic(folder / f"image-{number}.png") as partial:
                keras.utils.save_img(partial, image * 255, scale=False)

    def predict(self, model, inputs, folder):
        rows: list[dict] = []
        for places, _, outputs in self.predict_files(model, inputs):
            for place, (boxes, names, scores) in zip(places, self._found(outputs), strict=True):
                objects = [f"{n} {p:.0%}" for n, p in zip(names, scores, strict=True)]
                sides = self._in_pixels(place["input"], boxes)
                corners = [" ".join(f"{side:.0f}" for side in box) for box in sides]
                answer = {"prediction": ", ".join(objects), "boxes": ", ".join(corners)}
                rows.append({**place, **answer})
        return rows

    def _in_pixels(self, file, boxes):
        """Return boxes in pixels of an image file, of which the network sees the middle."""
        shape = image_files.seen_size(file, image_folder.PILLOW)
        start, window = image_files.window(shape, self.info.shape[:2])
        return boxes * np.tile(window[::-1], 2) + np.tile(start[::-1], 2)

    def explain(self, model, inputs):
        seen = self.read_images(inputs)

        def detections():
            height, width, channels = self.info.shape
            times = max(1, round(SHARP / max(height, width)))
            # the same part of each image with more pixels
            sharp = image_files.pixels(inputs, (times * height, times * width), channels)
            return self._draw(sharp, self.apply(model, seen), with_scores=True)

        return {"detections_of_inputs": detections}

    def exports(self, model, splits):
        images = _images(splits.test, 256)
        whole = model.with_detections(lowest=LOWEST, count=COUNT)
        return {
            "model": task.Export(model, images, floats_only=model.floats_only),
            "detections": task.Export(whole, images[:64], floats_only=True),
        }

    def measure(self, parts, model, splits):
        def detect(images):
            found = model.head(parts["model"](images))
            return keras.tree.map_structure(np.asarray, found)

        return self._metrics(detect, self.prepare(splits.test))


def _images(dataset, count):
    """Return the first `count` images of a dataset."""
    (images,) = task.gather(dataset.map(lambda image, targets: image), count)
    return images
