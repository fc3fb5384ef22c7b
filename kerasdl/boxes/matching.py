"""Which box each anchor should find."""

from keras import ops
from keras.utils import bounding_boxes

from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

BACKGROUND, IGNORED = -1, -2


def match(
    anchors: Tensor,
    boxes: Tensor,
    positive: float = 0.5,
    negative: float = 0.4,
    every_box: bool = True,
) -> Tensor:
    """Match each anchor with the true box that it overlaps most.

        box(a) = argmax_b IoU(a, b) if that IoU is at least `positive`; background below `negative`

    Anchors between both are ignored in the loss, because either answer would be half right.

    Args:
        anchors: tensor (anchors, 4).
        boxes: tensor (batch, boxes, 4). Rows of zeros fill images with fewer boxes.
        positive: float, smallest overlap of a match.
        negative: float, overlap below which an anchor is background.
        every_box: bool, whether each box is also matched with the anchor that overlaps it most,
            even if that is little, so that no object is left out.

    Returns:
        int32 tensor (batch, anchors), the number of the box, -1 for background, -2 for ignored.

    Example:
        >>> anchors = ops.convert_to_tensor([[0.0, 0, 4, 4], [0, 0, 9, 4], [8, 8, 9, 9]])
        >>> match(anchors, ops.convert_to_tensor([[[0.0, 0, 4, 4], [0, 0, 0, 0]]])).numpy()
        array([[ 0, -2, -1]], dtype=int32)

    Reference: Ren et al. (2015), Faster R-CNN. Lin et al. (2017), Focal Loss for Dense Object
    Detection.
    """
    checks.fractions(one=True, positive=positive, negative=negative)
    expected = f"at most `positive`, {positive:g}"
    checks.check("negative", negative, negative <= positive, expected)
    checks.flags(every_box=every_box)
    boxes = ops.cast(boxes, "float32")
    given = ops.prod(ops.relu(boxes[..., 2:] - boxes[..., :2]), axis=-1) > 0  # (batch, boxes)
    overlaps = bounding_boxes.compute_iou(ops.cast(anchors, "float32"), boxes, "xyxy")
    overlaps = ops.where(given[:, None], overlaps, -1.0)  # (batch, anchors, boxes)
    best, most = ops.argmax(overlaps, axis=-1), ops.max(overlaps, axis=-1)
    found = ops.where(most < negative, BACKGROUND, IGNORED)
    found = ops.where(most >= positive, ops.cast(best, found.dtype), found)
    if every_box:
        nearest = ops.one_hot(ops.argmax(overlaps, axis=1), overlaps.shape[1], axis=1)
        claims = ops.where(nearest > 0, overlaps, 0.0)  # of boxes that are nearest to one anchor,
        claimed = ops.max(claims, axis=-1) > 0  # the one that overlaps it most gets it
        found = ops.where(claimed, ops.cast(ops.argmax(claims, axis=-1), found.dtype), found)
    return ops.cast(found, "int32")
