"""Faster R-CNN: propose boxes that may hold an object, then look at each of them again."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from kerasdl import boxes
from kerasdl.boxes import matching
from kerasdl.formulas.anchors import anchor_shapes
from kerasdl.layers.block import Block
from kerasdl.models.detection import coding, detector, mining
from kerasdl.models.detection.detections import anchors_of, picked, picked_spec
from kerasdl.models.detection.detector import Detector
from kerasdl.models.detection.feature_pyramid import resnet_pyramid
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "FasterRCNN": {
        "faster_rcnn": {"num_classes": 90, "frozen_normalization": False},
        "faster_rcnn_tiny": {
            "block": "basic",
            "depths": (1, 1, 1),
            "width": 32,
            "strides": (4, 8),
            "scale": 4.0,
            "units": 64,
            "head_units": 128,
            "proposals": 24,
            "frozen_normalization": False,
            "num_classes": 5,
            "input_shape": (64, 64, 3),
        },
    }
}
SHAPES = anchor_shapes([1.0], ratios=(0.5, 1.0, 2.0))
CODES = (0.1, 0.1, 0.2, 0.2)  # factors of the codes of the second stage


@keras.saving.register_keras_serializable(package="kerasdl")
class FasterRCNN(Detector):
    """A two-stage detector: the first stage finds places, the second says what is there.

    A small network looks at each place of a feature pyramid and says, for three anchors, whether
    they hold any object. The best boxes are proposals. Out of each, a grid of 7x7 features is cut,
    however large it is, and two dense layers give its class and move its box once more.

        L = L_object + L_move + L_class + L_box

    The first two are losses of the anchors, the others of the proposals. Most of both are
    background, so only the hardest count: one for each matched anchor, three for each matched
    proposal.

    Args:
        block, depths, width, stem: The backbone; see `ResNet`.
        strides: tuple of int, strides of the maps; one more map, half as large as the last, is for
            proposals only.
        scale: float, size of the anchors of a map relative to its stride.
        units: int, channels of the maps.
        head_units: int, width of the two dense layers.
        proposals: int, number of proposals for each image.
        frozen_normalization: bool, as in `RetinaNet`.
        num_classes: int, number of classes, without the background.
        input_shape: tuple (height, width, channels).

    Output shape: a dictionary of "object" logits (batch, anchors, 1) and "move" codes (batch,
        anchors, 4) of the first stage; "proposals" (batch, proposals, 4); and of the second stage
        "class" logits (batch, proposals, num_classes + 1), the first of the background, and "box"
        codes (batch, proposals, num_classes + 1, 4).

    Reference: Ren et al. (2015), Faster R-CNN: Towards Real-Time Object Detection with Region
    Proposal Networks; with a pyramid Lin et al. (2017), Feature Pyramid Networks for Object
    Detection.
    """

    floats_only = True  # the converter crashes when it quantizes the suppression of proposals

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
        frozen_normalization: bool = True,
        num_classes: int = 80,
        input_shape: tuple[int, int, int] = (512, 512, 3),
        **kwargs,
    ):
        resnet = {"block": block, "depths": depths, "width": width, "stem": stem}
        image, _, outputs, proposer = two_stages(
            {**resnet, "input_shape": input_shape},
            strides,
            scale,
            units,
            head_units,
            proposals,
            frozen_normalization,
            num_classes,
        )
        super().__init__(image, outputs, **kwargs)
        self.proposer = proposer
        self.head = RegionDetections(name="detections")

    def image_losses(self, outputs, classes, boxes):
        return self._losses_of_anchors(outputs, boxes) + self._losses_of_proposals(
            outputs, classes, boxes
        )

    def _losses_of_anchors(self, outputs, boxes):
        anchors = ops.cast(self.proposer.anchors, boxes.dtype)
        matched = matching.match(anchors, boxes, 0.7, 0.3)  # (batch, anchors)
        there, logits = matched >= 0, outputs["object"][..., 0]
        losses = ops.where(there, ops.softplus(-logits), ops.softplus(logits))
        losses = ops.where(matched == matching.IGNORED, 0.0, losses)
        codes = coding.encode(_of(boxes, matched), anchors)
        moved = ops.where(there, detector.smooth_l1(codes, outputs["move"], 1 / 9), 0.0)
        return mean_of_matched(mining.hardest(losses, there, 1) + moved, there)

    def _losses_of_proposals(self, outputs, classes, boxes):
        proposals = ops.cast(outputs["proposals"], boxes.dtype)
        matched = matching.match(proposals, boxes, 0.5, 0.5, every_box=False)
        there = matched >= 0
        labels = ops.take_along_axis(classes, ops.maximum(matched, 0), axis=1) + 1
        labels = ops.where(there, labels, 0)  # output 0 is the background
        losses = ops.sparse_categorical_crossentropy(labels, outputs["class"], from_logits=True)
        chosen = ops.one_hot(labels, outputs["class"].shape[-1], dtype="bool")[..., None]
        codes = ops.sum(ops.where(chosen, outputs["box"], 0.0), axis=2)
        true = coding.encode(_of(boxes, matched), proposals, CODES)
        moved = ops.where(there, detector.smooth_l1(true, codes, 1.0), 0.0)
        return mean_of_matched(mining.hardest(losses, there) + moved, there)


def two_stages(
    resnet: dict,
    strides: tuple[int, ...],
    scale: float,
    units: int,
    head_units: int,
    proposals: int,
    frozen_normalization: bool,
    num_classes: int,
) -> tuple[keras.KerasTensor, dict[int, Any], dict[str, Any], "Proposals"]:
    """Connect both stages; return the image, the maps by strides, the outputs and the proposer.

    Args:
        resnet: dict, arguments of `ResNet`.
        strides, scale, units, head_units, proposals, frozen_normalization, num_classes: As in
            `FasterRCNN`.
    """
    input_shape = resnet["input_shape"]
    checks.numbers(above=0, scale=scale)
    checks.integers(units=units, head_units=head_units, proposals=proposals)
    checks.integers(num_classes=num_classes)
    checks.flags(frozen_normalization=frozen_normalization)
    checks.image_shapes(smallest=8, input_shape=input_shape)
    image, maps = resnet_pyramid(resnet, strides, units, frozen_normalization)
    pooled = layers.MaxPooling2D(1, strides=2, name="pooled")(maps[strides[-1]])
    places = {**maps, 2 * strides[-1]: pooled}
    proposer = Proposals(
        detector.levels(places, SHAPES * scale, input_shape), proposals, name="proposals"
    )
    small = keras.initializers.RandomNormal(stddev=0.01)
    look = layers.Conv2D(
        units, 3, padding="same", activation="relu", kernel_initializer=small, name="look"
    )
    outputs = {
        name: layers.Concatenate(axis=1, name=name)(
            [layers.Reshape((-1, numbers))(convolution(look(x))) for x in places.values()]
        )
        for name, numbers, convolution in (
            ("object", 1, layers.Conv2D(len(SHAPES), 1, kernel_initializer=small)),
            ("move", 4, layers.Conv2D(4 * len(SHAPES), 1, kernel_initializer=small)),
        )
    }
    outputs["proposals"] = proposer(outputs)
    align = PyramidAlign(size=7, name="align", dtype="float32")  # places need single precision
    cut = align([outputs["proposals"], *maps.values()])
    x = layers.Reshape((proposals, -1))(cut)
    for i in range(2):
        x = layers.Dense(head_units, "relu", kernel_initializer="he_normal", name=f"dense{i}")(x)
    outputs["class"] = layers.Dense(num_classes + 1, name="class")(x)
    codes = layers.Dense(4 * (num_classes + 1), kernel_initializer=small)(x)
    outputs["box"] = layers.Reshape((proposals, num_classes + 1, 4), name="box")(codes)
    return image, maps, outputs, proposer


def _of(true, matched):
    """Return the box that each anchor or proposal is matched with."""
    return ops.take_along_axis(true, ops.maximum(matched, 0)[..., None], axis=1)


def mean_of_matched(losses: Tensor, there: Tensor) -> Tensor:
    """Return the sum of the losses of each image over the number of those with an object."""
    count = ops.sum(ops.cast(there, losses.dtype), axis=-1)
    return ops.sum(losses, axis=-1) / ops.maximum(count, 1.0)


@keras.saving.register_keras_serializable(package="kerasdl")
class Proposals(Block):
    """Return the boxes that are most likely to hold an object, without those that overlap a better.

    Args:
        levels: As in `Detections`.
        count: int, number of boxes for each image; zeros fill up.
        overlap: float, largest overlap of two boxes.

    Input shape: a dictionary of "object" logits (batch, anchors, 1) and "move" codes (batch,
        anchors, 4).

    Output shape: (batch, count, 4), through which no gradient flows.
    """

    def __init__(self, levels: Sequence[dict], count: int, overlap: float = 0.7, **kwargs):
        super().__init__(**kwargs)
        checks.integers(count=count)
        checks.fractions(one=True, overlap=overlap)
        self.levels, self.count, self.overlap = tuple(levels), count, overlap
        self.anchors = anchors_of(self.levels)

    def call(self, inputs):
        scores = ops.sigmoid(ops.cast(inputs["object"][..., 0], "float32"))
        candidates = min(4 * self.count, scores.shape[1])
        scores, order = ops.top_k(scores, candidates)
        codes = ops.take_along_axis(ops.cast(inputs["move"], "float32"), order[..., None], axis=1)
        anchors = ops.take(ops.convert_to_tensor(self.anchors), order, axis=0)
        found = ops.clip(coding.decode(codes, anchors), 0.0, 1.0)
        kept, _ = boxes.suppress(found, scores, threshold=self.overlap, count=self.count)
        chosen = ops.take_along_axis(found, ops.maximum(kept, 0)[..., None], axis=1)
        return ops.stop_gradient(ops.where(kept[..., None] >= 0, chosen, 0.0))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs["object"].shape[0], self.count, 4), "float32")


@keras.saving.register_keras_serializable(package="kerasdl")
class PyramidAlign(Block):
    """Cut a grid of features out of boxes, each out of the map that fits its size (RoI align).

    Args:
        size: int, cells of a side of the grid.
        least: int, the pixels that a box is wide at least in the map that it is cut out of, which
            is the coarsest for which that holds, or the finest map.

    Input shape: a list of boxes (batch, boxes, 4), fractions of width and height, and maps (batch,
        height, width, channels), the finest first.

    Output shape: (batch, boxes, size, size, channels)
    """

    def __init__(self, size: int = 7, least: int = 14, **kwargs):
        super().__init__(**kwargs)
        checks.integers(size=size, least=least)
        self.size, self.least = size, least

    def call(self, inputs):
        found, *maps = inputs
        height, width = maps[0].shape[1:3]
        area = ops.prod(ops.relu(found[..., 2:] - found[..., :2]), axis=-1)
        side = ops.sqrt(area * height * width)  # in pixels of the finest map
        level = ops.floor(ops.log2(ops.maximum(side / self.least, 1.0)))
        level = ops.minimum(ops.cast(level, "int32"), len(maps) - 1)[..., None, None, None]
        cut = [boxes.align(x, found, self.size) for x in maps]
        return sum(ops.where(level == i, x, 0.0) for i, x in enumerate(cut))

    def compute_output_shape(self, input_shape):
        (batch, count, _), (*_, channels) = input_shape[:2]
        return (batch, count, self.size, self.size, channels)


@keras.saving.register_keras_serializable(package="kerasdl")
class RegionDetections(Block):
    """Turn the outputs of the second stage into boxes, and drop those that overlap a better one.

    Args:
        lowest: float, smallest score of a box that is returned.
        overlap: float, largest overlap of two boxes of one class.
        count: int, number of boxes for each image.

    Input shape: a dictionary of "proposals", "class" and "box"; see `FasterRCNN`.

    Output shape: a dictionary of "boxes" (batch, count, 4), "class" and "score" (batch, count).
    """

    def __init__(self, lowest: float = 0.05, overlap: float = 0.5, count: int = 100, **kwargs):
        super().__init__(**kwargs)
        checks.fractions(one=True, lowest=lowest, overlap=overlap)
        checks.integers(count=count)
        self.lowest, self.overlap, self.count = lowest, overlap, count

    def call(self, inputs):
        regions, logits, codes = (
            ops.cast(inputs[name], "float32") for name in ("proposals", "class", "box")
        )
        _, number, classes, _ = codes.shape
        found = coding.decode(codes[:, :, 1:], regions[:, :, None], CODES)
        found = ops.reshape(ops.clip(found, 0.0, 1.0), (-1, number * (classes - 1), 4))
        scores = ops.reshape(ops.softmax(logits)[..., 1:], (-1, number * (classes - 1)))
        labels = ops.tile(ops.arange(classes - 1, dtype="int32"), number)
        labels = ops.broadcast_to(labels, ops.shape(scores))
        options = {"threshold": self.overlap, "count": self.count, "lowest": self.lowest}
        return picked(found, scores, labels, **options)

    def compute_output_spec(self, inputs):
        return picked_spec(inputs["class"].shape[0], self.count)
