"""Keep one of several boxes around the same object, for a whole batch at once.

`tf.image.combined_non_max_suppression` takes batches, too, but cannot be stored in a LiteRT file
without TensorFlow's own operators. The kernel for a single image can.
"""

import tensorflow as tf

from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


def suppress(
    boxes: Tensor,
    scores: Tensor,
    classes: Tensor | None = None,
    *,
    threshold: float = 0.5,
    count: int = 100,
    lowest: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Drop each box that overlaps one with a higher score (non-maximum suppression, NMS).

        keep the best b; drop all with IoU(b, .) > threshold; repeat with the rest

    Args:
        boxes: tensor (batch, boxes, 4).
        scores: tensor (batch, boxes).
        classes: integer tensor (batch, boxes); boxes of different classes do not suppress each
            other. By default all boxes do.
        threshold: float, largest overlap of two boxes that stay.
        count: int, number of boxes that are returned for each image.
        lowest: float, boxes with at most this score are dropped.

    Returns:
        int32 tensor (batch, count), numbers of the boxes in the order of their scores, -1 where
        there are no more; and their scores, 0 where there are no more.

    Example:
        >>> boxes = tf.constant([[[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]]])
        >>> kept, scores = suppress(boxes, tf.constant([[0.9, 0.8, 0.7]]), count=3)
        >>> kept.numpy()
        array([[ 0,  2, -1]], dtype=int32)
    """
    checks.fractions(one=True, threshold=threshold)
    boxes = tf.cast(boxes, "float32")
    if classes is not None:  # boxes of different classes are moved so far apart that none overlap
        size = tf.reduce_max(boxes) - tf.reduce_min(boxes) + 1
        boxes += tf.cast(classes, "float32")[..., None] * size
    return _in_each_image(boxes, scores, count, lowest, iou_threshold=threshold)


def soft_suppress(
    boxes: Tensor,
    scores: Tensor,
    *,
    sigma: float = 0.5,
    count: int = 100,
    lowest: float = 0.001,
) -> tuple[Tensor, Tensor]:
    """Lower the scores of boxes that overlap a better one, so that close objects may stay.

        take the best b; s_i <- s_i exp(-IoU(b, b_i)^2 / sigma) for the rest; repeat

    Args:
        boxes: tensor (batch, boxes, 4).
        scores: tensor (batch, boxes).
        sigma: float, the larger it is, the less the scores fall.
        count: int, number of boxes that are returned for each image.
        lowest: float, boxes whose score is at most this are dropped.

    Returns:
        int32 tensor (batch, count), numbers of the boxes in the order in which they are taken, -1
        where there are no more; and their lowered scores, 0 where there are no more.

    Example:
        >>> boxes = tf.constant([[[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]]])
        >>> kept, lowered = soft_suppress(boxes, tf.constant([[0.9, 0.8, 0.7]]), sigma=1.0, count=3)
        >>> kept.numpy(), lowered.numpy().round(3)
        (array([[0, 2, 1]], dtype=int32), array([[0.9  , 0.7  , 0.513]], dtype=float32))

    Reference: Bodla et al. (2017), Soft-NMS.
    """
    checks.numbers(above=0, sigma=sigma)
    # TensorFlow's sigma is half of the publication's
    options = {"iou_threshold": 1.0, "soft_nms_sigma": sigma / 2}
    return _in_each_image(tf.cast(boxes, "float32"), scores, count, lowest, **options)


def _in_each_image(boxes, scores, count, lowest, *, iou_threshold, soft_nms_sigma=0.0):
    """Suppress boxes of each image by TensorFlow's kernel; fill up with -1 and 0."""
    checks.integers(count=count)
    checks.numbers(at_least=0, lowest=lowest)

    def one(image):
        kept, found, there = tf.raw_ops.NonMaxSuppressionV5(
            boxes=image[0],
            scores=image[1],
            max_output_size=count,
            iou_threshold=iou_threshold,
            score_threshold=lowest,
            soft_nms_sigma=soft_nms_sigma,
            pad_to_max_output_size=True,
        )
        real = tf.range(count) < there
        return tf.where(real, kept, -1), tf.where(real, found, 0.0)

    shapes = tuple(tf.TensorSpec((count,), dtype) for dtype in ("int32", "float32"))
    return tf.map_fn(one, (boxes, tf.cast(scores, "float32")), fn_output_signature=shapes)
