"""Turn the outputs of an anchor-based detector into boxes with classes and scores."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasdl import boxes
from kerasdl.formulas import anchors as anchor_formulas
from kerasdl.layers.block import Block
from kerasdl.models.detection import coding
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


@keras.saving.register_keras_serializable(package="kerasdl")
class Detections(Block):
    """Take the boxes with the highest scores, and drop those that overlap a better one.

    The code of an anchor moves and scales it; see `kerasdl.models.detection.coding`.

    Args:
        levels: the maps of the detector, a dict for each: "grid", its (rows, columns); "step", the
            distance of two cells as fractions of the image's height and width, by default 1 / rows
            and 1 / columns; and "shapes", (width, height) of each anchor of a cell, as fractions.
        scales: tuple of four floats by which codes are multiplied.
        background: bool, whether class 0 is the background. Then scores are softmax probabilities;
            otherwise each is the sigmoid of its logit.
        lowest: float, smallest score of a box that is returned.
        overlap: float, largest overlap of two boxes of one class.
        count: int, number of boxes for each image.
        candidates: int, number of boxes that are looked at, with the highest scores.

    Input shape: a dictionary of "class" logits (batch, anchors, classes) and "box" codes (batch,
        anchors, 4).

    Output shape: a dictionary of "boxes" (batch, count, 4): x1, y1, x2, y2 as fractions of width
        and height; "class" (batch, count), -1 where there are no more; and "score" (batch, count).

    Example:
        >>> head = Detections([{"grid": (1, 2), "shapes": [(0.5, 1.0)]}], lowest=0.5)
        >>> logits = ops.convert_to_tensor([[[3.0], [-3.0]]])
        >>> found = head({"class": logits, "box": ops.zeros((1, 2, 4))})
        >>> found["boxes"][0, 0].numpy().tolist(), found["class"][0, :2].numpy().tolist()
        ([0.0, 0.0, 0.5, 1.0], [0, -1])
    """

    def __init__(
        self,
        levels: Sequence[dict],
        scales: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
        background: bool = False,
        lowest: float = 0.05,
        overlap: float = 0.5,
        count: int = 100,
        candidates: int = 300,
        **kwargs,
    ):
        super().__init__(**kwargs)
        listed = isinstance(levels, (tuple, list)) and len(levels) > 0
        checks.check("levels", levels, listed, "a list with a dictionary for each map")
        checks.positive_tuples(length=4, scales=scales)
        checks.flags(background=background)
        checks.fractions(one=True, lowest=lowest, overlap=overlap)
        checks.integers(count=count, candidates=candidates)
        self.levels, self.scales = tuple(levels), tuple(scales)
        self.background = background
        self.lowest, self.overlap = lowest, overlap
        self.count, self.candidates = count, candidates
        self.anchors = anchors_of(self.levels)

    def call(self, inputs):
        logits, codes = ops.cast(inputs["class"], "float32"), ops.cast(inputs["box"], "float32")
        scores = ops.softmax(logits)[..., 1:] if self.background else ops.sigmoid(logits)
        anchors, classes = scores.shape[1:]
        candidates = min(self.candidates, anchors * classes)
        scores = ops.reshape(scores, (-1, anchors * classes))
        scores, order = ops.top_k(scores, candidates)
        places = order // classes
        found = coding.decode(
            ops.take_along_axis(codes, places[..., None], axis=1),
            ops.take(ops.convert_to_tensor(self.anchors), places, axis=0),
            self.scales,
        )
        found = ops.clip(found, 0.0, 1.0)
        labels = ops.cast(order - places * classes, "int32")
        options = {"threshold": self.overlap, "count": self.count, "lowest": self.lowest}
        return picked(found, scores, labels, **options)

    def compute_output_spec(self, inputs):
        return picked_spec(inputs["box"].shape[0], self.count)


def anchors_of(levels: Sequence[dict]) -> np.ndarray:
    """Return the anchors of all maps, row by row, as fractions of the image; see `Detections`."""
    return np.concatenate([_anchors(**level) for level in levels])


def _anchors(grid, shapes, step=None):
    step = step or [1 / cells for cells in grid]
    return anchor_formulas.anchors(grid, step, shapes).astype("float32")


def picked(found: Tensor, scores: Tensor, classes: Tensor, **options: Any) -> dict[str, Tensor]:
    """Drop boxes that overlap a better one of their class; return the others with their classes.

    Args:
        found: tensor (batch, boxes, 4).
        scores: tensor (batch, boxes).
        classes: int32 tensor (batch, boxes).
        **options: Of `kerasdl.boxes.suppress`.
    """
    kept, scores = boxes.suppress(found, scores, classes, **options)
    there, kept = kept >= 0, ops.maximum(kept, 0)
    return {
        "boxes": ops.where(
            there[..., None], ops.take_along_axis(found, kept[..., None], axis=1), 0.0
        ),
        "class": ops.where(there, ops.take_along_axis(classes, kept, axis=1), -1),
        "score": scores,
    }


def picked_spec(batch: int | None, count: int) -> dict[str, keras.KerasTensor]:
    """Return shapes and types of what `picked` returns."""
    return {
        "boxes": keras.KerasTensor((batch, count, 4), "float32"),
        "class": keras.KerasTensor((batch, count), "int32"),
        "score": keras.KerasTensor((batch, count), "float32"),
    }
