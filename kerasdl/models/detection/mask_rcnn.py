"""Mask R-CNN: find objects by Faster R-CNN, then the pixels of each of them."""

from typing import Any

import keras
from keras import layers, ops

from kerasdl import boxes as box_parts
from kerasdl import errors
from kerasdl.boxes import matching
from kerasdl.layers import chain
from kerasdl.layers.block import Block
from kerasdl.models.detection.detector import Detector
from kerasdl.models.detection.faster_rcnn import (
    FasterRCNN,
    PyramidAlign,
    RegionDetections,
    mean_of_matched,
    two_stages,
)
from kerasdl.utils import checks

VARIANTS = {
    "MaskRCNN": {
        "mask_rcnn": {"num_classes": 90, "frozen_normalization": False},
        "mask_rcnn_tiny": {
            "block": "basic",
            "depths": (1, 1, 1),
            "width": 32,
            "strides": (4, 8),
            "scale": 4.0,
            "units": 48,
            "head_units": 128,
            "proposals": 16,
            "mask_units": 24,
            "mask_depth": 1,
            "detections": 6,
            "frozen_normalization": False,
            "num_classes": 5,
            "input_shape": (64, 64, 3),
        },
    }
}
CELLS = 14  # of a side of the features of a box; its mask has twice as many pixels


@keras.saving.register_keras_serializable(package="kerasdl")
class MaskRCNN(FasterRCNN):
    """A detector that gives a mask of its own to each object, also to touching ones of one class.

    The boxes are those of `FasterRCNN`. Out of each detected box, a grid of 14x14 features is cut
    at positions that are not rounded (RoI align), and a small network of convolutions gives a mask
    of 28x28 pixels for each class. Which class it is was decided before, so the masks of classes do
    not compete:

        L = L_object + L_move + L_class + L_box + L_mask
        L_mask = mean over matched boxes and pixels BCE(mask of the true class)

    Boxes of all scores get masks, so those of objects are trained from the first step on.

    Args:
        block, depths, width, stem, strides, scale, units, head_units, proposals: As in
            `FasterRCNN`.
        mask_units: int, channels of the network of masks.
        mask_depth: int, its convolutions before the one that doubles the map.
        detections: int, boxes of an image that get a mask, those with the highest scores.
        frozen_normalization: bool, as in `RetinaNet`.
        num_classes: int, number of classes, without the background.
        input_shape: tuple (height, width, channels).

    Output shape: the dictionary of `FasterRCNN` with "found" (batch, detections, 6), the box, class
        and score of each detection, class -1 where there are no more, and "masks" (batch,
        detections, 28, 28, num_classes + 1), the logits of the pixels of these boxes. As in the
        published network, output 0 belongs to the background and is not trained.

    The targets of `fit` also have "instances" (batch, height, width), the number of the object of
    each pixel from 1, in the order of the boxes; 0 is the background.

    Reference: He et al. (2017), Mask R-CNN.
    """

    def __init__(
        self,
        block: str = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        width: int = 64,
        stem: str = "imagenet",
        strides: tuple[int, ...] = (4, 8, 16, 32),
        scale: float = 8.0,
        units: int = 256,
        head_units: int = 1024,
        proposals: int = 300,
        mask_units: int = 256,
        mask_depth: int = 4,
        detections: int = 100,
        frozen_normalization: bool = True,
        num_classes: int = 80,
        input_shape: tuple[int, int, int] = (512, 512, 3),
        **kwargs,
    ):
        checks.integers(mask_units=mask_units, detections=detections)
        checks.integers(at_least=0, mask_depth=mask_depth)
        resnet = {"block": block, "depths": depths, "width": width, "stem": stem}
        image, maps, outputs, proposer = two_stages(
            {**resnet, "input_shape": input_shape},
            strides,
            scale,
            units,
            head_units,
            proposals,
            frozen_normalization,
            num_classes,
        )
        regions = ("proposals", "class", "box")
        found = FoundRegions(lowest=0.0, count=detections, name="found", dtype="float32")
        outputs["found"] = found({name: outputs[name] for name in regions})
        align = PyramidAlign(size=CELLS, name="align_masks", dtype="float32")
        cut = align([outputs["found"][..., :4], *maps.values()])
        head = MaskHead(mask_units, mask_depth, num_classes + 1, name="masks")
        outputs["masks"] = head(cut)
        Detector.__init__(self, image, outputs, **kwargs)
        self.proposer = proposer
        self.head = MaskDetections(name="detections")

    def losses_of(self, outputs, targets):
        if "instances" not in targets:
            expected = "with `instances`, the number of the object of each pixel"
            raise errors.InvalidInput("targets of MaskRCNN", expected, ", ".join(targets))
        return super().losses_of(outputs, targets) + self._losses_of_masks(outputs, targets)

    def _losses_of_masks(self, outputs, targets):
        boxes, logits = ops.cast(targets["boxes"], "float32"), outputs["masks"]
        found = ops.cast(outputs["found"][..., :4], "float32")
        count, size = boxes.shape[1], logits.shape[2]
        matched = matching.match(found, boxes, 0.5, 0.5, every_box=False)  # (batch, detections)
        there, number = matched >= 0, ops.maximum(matched, 0)
        # how much of each pixel of a box the object covers with which the box is matched
        instances = ops.one_hot(ops.cast(targets["instances"], "int32") - 1, count, dtype="float32")
        true = box_parts.align(instances, found, size)  # (batch, detections, 28, 28, objects)
        true = _chosen(true, number)
        classes = ops.reshape(ops.cast(targets["class"], "int32"), (-1, count))
        labels = ops.maximum(ops.take_along_axis(classes, number, axis=1), 0)
        logits = ops.cast(_chosen(logits, labels + 1), "float32")
        # the entropy of sigmoid(logit), also for large logits
        losses = ops.mean(ops.softplus(logits) - true * logits, axis=(2, 3))
        losses = mean_of_matched(ops.where(there, losses, 0.0), there)
        return ops.cast(losses, self.outputs[0].dtype)


def _chosen(maps, numbers):
    """Return one channel of the maps (batch, boxes, height, width, channels) of each box."""
    chosen = ops.one_hot(numbers, maps.shape[-1], dtype="bool")[:, :, None, None]
    return ops.sum(ops.where(chosen, maps, 0.0), axis=-1)


@keras.saving.register_keras_serializable(package="kerasdl")
class FoundRegions(RegionDetections):
    """Return detections as one tensor (batch, count, 6) of boxes, classes and scores.

    No gradient flows through them, as through proposals.
    """

    def call(self, inputs):
        found = super().call(inputs)
        labels = ops.cast(found["class"], "float32")
        numbers = [found["boxes"], labels[..., None], found["score"][..., None]]
        return ops.stop_gradient(ops.concatenate(numbers, axis=-1))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs["class"].shape[0], self.count, 6), "float32")


@keras.saving.register_keras_serializable(package="kerasdl")
class MaskHead(Block):
    """A network of convolutions that gives a mask for each class from the features of a box.

    Args:
        units: int, channels.
        depth: int, convolutions before the transposed one that doubles the map.
        classes: int, number of masks.

    Input shape: (batch, boxes, size, size, channels)

    Output shape: (batch, boxes, 2 size, 2 size, classes), logits.
    """

    def __init__(self, units: int, depth: int, classes: int, **kwargs):
        super().__init__(**kwargs)
        checks.integers(units=units, classes=classes)
        checks.integers(at_least=0, depth=depth)
        self.units, self.depth, self.classes = units, depth, classes
        normal: dict[str, Any] = {"activation": "relu", "kernel_initializer": "he_normal"}
        self.convolutions = [
            layers.Conv2D(units, 3, padding="same", name=f"mask{i + 1}", **normal)
            for i in range(depth)
        ]
        self.convolutions.append(layers.Conv2DTranspose(units, 2, 2, name="doubled", **normal))
        self.convolutions.append(layers.Conv2D(classes, 1, name="mask_of_class"))

    def build(self, input_shape):
        chain.build(self, self.convolutions, (None, *input_shape[2:]))

    def call(self, inputs):
        _, boxes, height, width, channels = inputs.shape
        x = chain.call(self.convolutions, ops.reshape(inputs, (-1, height, width, channels)))
        return ops.reshape(x, (-1, boxes, 2 * height, 2 * width, self.classes))

    def compute_output_shape(self, input_shape):
        batch, boxes, height, width, _ = input_shape
        return (batch, boxes, 2 * height, 2 * width, self.classes)


@keras.saving.register_keras_serializable(package="kerasdl")
class MaskDetections(Block):
    """Return the detections of a `MaskRCNN` with the mask of each one's class.

    Args:
        lowest: float, smallest score of a box that is returned.
        count: int, number of boxes for each image, at most the network's `detections`.

    Input shape: a dictionary of "found" and "masks"; see `MaskRCNN`.

    Output shape: a dictionary of "boxes" (batch, count, 4), "class" and "score" (batch, count), and
        "masks" (batch, count, 28, 28), the probability of each pixel of the box. `boxes.paste`
        puts them into the image.
    """

    def __init__(self, lowest: float = 0.05, count: int = 100, **kwargs):
        super().__init__(**kwargs)
        checks.fractions(one=True, lowest=lowest)
        checks.integers(count=count)
        self.lowest, self.count = lowest, count

    def call(self, inputs):
        found = ops.cast(inputs["found"], "float32")[:, : self.count]  # the best come first
        masks = ops.cast(inputs["masks"], "float32")[:, : self.count]
        labels, scores = ops.cast(found[..., 4], "int32"), found[..., 5]
        there = ops.logical_and(labels >= 0, scores >= self.lowest)
        masks = ops.sigmoid(_chosen(masks, ops.maximum(labels, 0) + 1))
        return {
            "boxes": ops.where(there[..., None], found[..., :4], 0.0),
            "class": ops.where(there, labels, -1),
            "score": ops.where(there, scores, 0.0),
            "masks": ops.where(there[..., None, None], masks, 0.0),
        }
