"""What detectors with anchors share: which anchor should find which object, and the loss."""

import math

import keras
from keras import ops

from kerasdl.boxes import matching
from kerasdl.models.detection import coding
from kerasdl.models.detection.detections import Detections
from kerasdl.models.detection.detector import Detector, smooth_l1
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


class AnchorDetector(Detector):
    """A network that classifies and moves anchors: boxes of fixed places, sizes and shapes.

    Its outputs are "class" logits (batch, anchors, classes) and "box" codes (batch, anchors, 4).

        L = 1/N ( sum over anchors FL(class) + w sum over matched anchors l(code - code^) )

    N is the number of matched anchors of an image. The focal loss FL gives little weight to the
    thousands of anchors that are easily seen to be background; l is the smooth L1 loss.

    Attributes:
        head: `Detections`, which turns outputs into boxes.
        overlaps: tuple of float, the overlap from which an anchor is matched with an object, and
            the one below which it is background.
        box_weight: float, the weight w.
    """

    head: Detections
    overlaps: tuple[float, float] = (0.5, 0.4)
    box_weight: float = 1.0
    smooth_beta: float = 1 / 9  # where the smooth L1 loss becomes linear

    def image_losses(self, outputs, classes, boxes):
        anchors = ops.cast(self.head.anchors, boxes.dtype)
        matched = matching.match(anchors, boxes, *self.overlaps)  # (batch, anchors)
        number = ops.maximum(matched, 0)
        labels = ops.where(matched < 0, matched, ops.take_along_axis(classes, number, axis=1))
        true = ops.take_along_axis(boxes, number[..., None], axis=1)
        codes = coding.encode(true, anchors, self.head.scales)
        losses = self.class_losses(labels, outputs["class"]) + ops.where(
            matched >= 0, self.box_weight * smooth_l1(codes, outputs["box"], self.smooth_beta), 0.0
        )
        count = ops.sum(ops.cast(matched >= 0, losses.dtype), axis=-1)
        return ops.sum(losses, axis=-1) / ops.maximum(count, 1.0)

    def class_losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the focal loss of each anchor, with alpha 0.25 and gamma 2.

        Args:
            labels: int32 tensor (batch, anchors), classes; -1 for background, -2 for anchors that
                are left out.
            logits: tensor (batch, anchors, classes).
        """
        true = ops.one_hot(labels, logits.shape[-1], dtype="bool")  # all False for -1 and -2
        right = ops.where(true, logits, -logits)
        weight = ops.where(true, 0.25, 0.75)
        # -(1 - p)^2 log p, where p = sigmoid(right) is the probability of the truth. Keras's
        # `binary_focal_crossentropy` clips p, so that very wrong logits have no gradient
        losses = ops.sum(weight * ops.sigmoid(-right) ** 2 * ops.softplus(-right), axis=-1)
        return ops.where(labels == matching.IGNORED, 0.0, losses)


def prior(probability: float = 0.01) -> keras.initializers.Initializer:
    """Return an initializer of logits' biases, with which all sigmoids start at `probability`.

    Without it, the loss of thousands of empty anchors dominates the first steps.
    """
    checks.fractions(probability=probability)
    return keras.initializers.Constant(math.log(probability / (1 - probability)))
