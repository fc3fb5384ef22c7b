"""Instance segmentation: class, box and pixels of each object of an image."""

import numpy as np

from kerasdl import errors, explain
from kerasdl.boxes import connected_components, paste
from kerasdl.models.detection.mask_rcnn import MaskRCNN
from kerasdl.tasks import detection, task

LOWEST = 0.5  # probability from which a pixel belongs to an object
USAGE = """\
The input is a `float32` image of shape {input_shape} in [0, 1]. The outputs of the file
`detections` are `boxes` (x1, y1, x2, y2 as fractions of width and height), `class`, -1 where there
are no more, `score`, and `masks`, the probability of each of 28x28 pixels of a box. Those of the
file `model` are what `kerasdl` turns into boxes by the layer `head` of the Keras model.

```python
import kerasdl

model = kerasdl.export.LiteRTModel("{folder}/detections-float.tflite")
splits = kerasdl.data.load("{data}", elements="class,boxes,instances", objects=3, touching=True)
images, _ = next(splits.test.as_numpy_iterator())
found = model.predict(images[:1])
masks = kerasdl.boxes.paste(found["masks"], found["boxes"], images.shape[1:3]).numpy() > 0.5
there = found["class"] >= 0
print(found["class"][there], found["score"][there].round(2), masks[there].sum(axis=(1, 2)))
```
"""


class InstanceSegmentation(detection.Detection):
    """Learn class, box and pixels of each object, also of touching objects of one class.

    Masks are compared with the true ones by the rules of COCO, as boxes are in `Detection`: the
    overlap of two masks is their common pixels over the pixels of both.
    """

    title = "instance segmentation"
    metrics = (
        task.Metric("mask_ap", "max", "mean average precision of masks over overlaps (COCO)"),
        task.Metric("mask_ap50", "max", "mean average precision of masks at an overlap of 0.5"),
        task.Metric("ap50", "max", "mean average precision of boxes at an overlap of 0.5"),
    )
    criterion = task.Criterion(
        "mask_ap50",
        "an AP50 of masks at most 0.02 lower than that of the float file",
        lambda file, whole: file >= whole - 0.02,
    )
    usage = USAGE
    elements = ("class", "boxes", "instances")
    elements_in_words = "a class and a box for each object, and the pixels of each, `instances`,"

    def check_model(self, model):
        if not isinstance(model, MaskRCNN):
            expected = "a detector with masks, such as mask_rcnn_tiny"
            raise errors.InvalidInput(f"model for {self.title}", expected, model.name)
        self.check_shape(model.input_shape)

    def _metrics(self, detect, dataset):
        pairs = [(targets, detect(images)) for images, targets in dataset.as_numpy_iterator()]
        boxes = [
            tuple({n: each[n] for n in ("class", "boxes", "score") if n in each} for each in pair)
            for pair in pairs
        ]
        return {
            **self._of_masks([(_with_masks(true), self._pasted(found)) for true, found in pairs]),
            "ap50": self.average_precision(boxes)["ap50"],
        }

    def _of_masks(self, pairs):
        numbers = self.average_precision(pairs)
        return {"mask_ap": numbers["ap"], "mask_ap50": numbers["ap50"]}

    def _pasted(self, found, size=None):
        """Return detections with masks of the image's size."""
        masks = paste(found["masks"], found["boxes"], size or tuple(self.info.shape[:2]))
        return {**found, "masks": np.asarray(masks) > LOWEST}

    def baselines(self, splits):
        """Return the AP of the connected parts of each class, if all pixels' classes were known."""
        pairs = []
        for _, targets in self.prepare(splits.test).as_numpy_iterator():
            found = [*map(_components, targets["instances"], targets["class"])]
            count = max(len(labels) for _, labels in found)
            padded = {
                "masks": np.stack([_filled(masks, count, 0) for masks, _ in found]),
                "class": np.stack([_filled(labels, count, -1) for _, labels in found]),
            }
            boxes = np.zeros((*padded["class"].shape, 4), "float32")
            score = np.ones(padded["class"].shape, "float32")
            pairs.append((_with_masks(targets), {**padded, "boxes": boxes, "score": score}))
        return {"connected parts of the true classes": self._of_masks(pairs)}

    def _draw(self, images, outputs, true=None, with_scores=False):
        pasted = self._pasted(outputs, images.shape[1:3])["masks"]
        there = (outputs["class"] >= 0) & (outputs["score"] >= detection.LOWEST)
        masks = [each[rows] for each, rows in zip(pasted, there, strict=True)]
        boxes, names, scores = zip(*self._found(outputs), strict=True)
        scores = scores if with_scores else None
        return explain.detections(images, boxes, names, true, scores, masks)


def _with_masks(targets):
    """Return targets with the mask of each object, (batch, objects, height, width)."""
    numbers = 1 + np.arange(targets["boxes"].shape[1])
    masks = targets["instances"][:, None] == numbers[:, None, None]
    return {**{name: targets[name] for name in ("class", "boxes")}, "masks": masks}


def _components(instances, classes):
    """Return masks and classes of the connected parts of each class."""
    labels = np.concatenate([[0], classes + 1])[instances]
    masks, found, _ = connected_components(labels)
    return masks, found - 1


def _filled(rows, count, value):
    """Return `count` rows; further ones hold the value."""
    return np.concatenate([rows, np.full((count - len(rows), *rows.shape[1:]), value, rows.dtype)])
