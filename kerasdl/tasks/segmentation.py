"""Segmentation: the class of each pixel of an image."""

import keras
import numpy as np

from kerasdl import errors, explain
from kerasdl.formulas import segmentation
from kerasdl.tasks import task
from kerasdl.utils import files

USAGE = """\
The input is a `float32` image of shape {input_shape} in [0, 1]. The output has a logit for each
pixel and class; class 0 is the background.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/{best}.tflite")
splits = kerasdl.data.load("{data}", elements="mask")
images, masks = next(splits.test.as_numpy_iterator())
print((model.predict(images).argmax(-1) == masks).mean())
```
"""


class Segmentation(task.Task):
    """Learn to classify each pixel of an image; class 0 is the background.

    The mean over classes of the intersection over union does not let a large background hide the
    errors of small objects:

        mIoU = mean_c TP_c / (TP_c + FP_c + FN_c)
    """

    title = "segmentation"
    kinds = ("masks",)
    metrics = (
        task.Metric("iou", "max", "mean over classes of the intersection over union of pixels"),
        task.Metric("accuracy", "max", "fraction of pixels with the correct class"),
    )
    criterion = task.Criterion(
        "iou",
        "a mean IoU at most 0.02 lower than that of the float file",
        lambda file, whole: file >= whole - 0.02,
    )
    drawn = "masks"
    usage = USAGE
    keras_usage = "model.summary()"

    def check_data(self):
        self.require("classes")

    @property
    def names(self) -> list[str]:
        """The names of all classes, with that of the background."""
        return ["background", *(self.info.classes or ())]

    def model_options(self):
        return {"input_shape": self.info.shape, "num_classes": len(self.names)}

    def prepare(self, dataset):
        targets = dataset.element_spec[1]
        if not isinstance(targets, dict):
            return dataset
        return dataset.map(lambda image, targets: (image, targets["mask"]), name="masks")

    def compile(self, model, optimizer, **settings):
        settings = {**model.training_defaults(), "optimizer": optimizer(), **settings}
        task.compile_and_build(model, **settings)

    def check_model(self, model):
        _, height, width, classes = model.output_shape
        if (height, width) != tuple(self.info.shape[:2]) or classes != len(self.names):
            expected = f"{(*self.info.shape[:2], len(self.names))}: height, width, classes"
            raise errors.InvalidInput("output of the model", expected, model.output_shape[1:])

    def evaluate(self, model, dataset):
        return self._metrics(lambda images: self.apply(model, images), self.prepare(dataset))

    def _metrics(self, predict, dataset):
        confusion = np.zeros((len(self.names),) * 2, "int64")
        for images, masks in dataset.as_numpy_iterator():
            found = np.asarray(predict(images)).argmax(-1)
            confusion += segmentation.confusion_matrix(masks, found, len(self.names))
        with np.errstate(invalid="ignore"):  # a class that is neither there nor found
            overlaps = segmentation.class_iou(confusion)
        return {
            "iou": float(np.nanmean(overlaps)),
            "accuracy": float(np.trace(confusion) / confusion.sum()),
        }

    def figures(self, model, splits, history):
        def masks():
            images, true = task.gather(self.prepare(splits.test), 8)
            return self._draw(images, self.apply(model, images).argmax(-1), true)

        return {"curves": lambda: explain.curves(history), "masks": masks}

    def _draw(self, images, masks, true=None):
        return explain.masks(images, masks, self.names, true)

    def write_examples(self, model, splits, folder):
        folder.mkdir(exist_ok=True)
        images, _ = task.gather(self.prepare(splits.test), 5)
        for number, image in enumerate(images, 1):
            with files.atomic(folder / f"image-{number}.png") as partial:
                keras.utils.save_img(partial, image * 255, scale=False)

    def predict(self, model, inputs, folder):
        rows: list[dict] = []
        for places, _, outputs in self.predict_files(model, inputs):
            for place, mask in zip(places, outputs.argmax(-1), strict=True):
                shares = np.bincount(mask.ravel(), minlength=len(self.names)) / mask.size
                largest = [i for i in np.argsort(-shares) if shares[i]]
                pixels = ", ".join(f"{self.names[i]} {shares[i]:.0%}" for i in largest)
                rows.append({**place, "pixels": pixels})
        return rows

    def explain(self, model, inputs):
        images = self.read_images(inputs)

        def masks():
            return self._draw(images, self.apply(model, images).argmax(-1))

        return {"masks_of_inputs": masks}

    def exports(self, model, splits):
        images, _ = task.gather(self.prepare(splits.test), 256)
        return {"model": task.Export(model, images)}

    def measure(self, parts, model, splits):
        return self._metrics(parts["model"], self.prepare(splits.test))
