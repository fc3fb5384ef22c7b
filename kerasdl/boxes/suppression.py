"""Keep one of several boxes around the same object, for a whole batch at once."""

from keras import ops
from keras.utils import bounding_boxes

from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


def suppress(
    boxes: Tensor,
    scores: Tensor,
    classes: Tensor | None = None,
    *,
    threshold: float = 0.5,
    count: int = 100,
    candidates: int = 300,
    lowest: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Drop each box that overlaps one with a higher score (non-maximum suppression, NMS).

        keep the best b; drop all with IoU(b, .) > threshold; repeat with the rest

    A box stays if no box that stays and has a higher score overlaps it. This is computed for all
    boxes at once and repeated until nothing changes, usually three or four times. It needs only
    built-in operators in a LiteRT file.

    Args:
        boxes: tensor (batch, boxes, 4).
        scores: tensor (batch, boxes).
        classes: integer tensor (batch, boxes); boxes of different classes do not suppress each
            other. By default all boxes do.
        threshold: float, largest overlap of two boxes that stay.
        count: int, number of boxes that are returned for each image.
        candidates: int, number of boxes with the highest scores that are looked at.
        lowest: float, boxes with at most this score are dropped.

    Returns:
        int32 tensor (batch, count), numbers of the boxes in the order of their scores, -1 where
        there are no more; and their scores, 0 where there are no more.

    Example:
        >>> boxes = ops.convert_to_tensor([[[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]]])
        >>> kept, scores = suppress(boxes, ops.convert_to_tensor([[0.9, 0.8, 0.7]]), count=3)
        >>> kept.numpy()
        array([[ 0,  2, -1]], dtype=int32)
    """
    _check(count, lowest)
    checks.fractions(one=True, threshold=threshold)
    checks.integers(candidates=candidates)
    looked_at = min(candidates, boxes.shape[1])
    scores, order = ops.top_k(ops.cast(scores, "float32"), looked_at)
    boxes = ops.take_along_axis(ops.cast(boxes, "float32"), order[..., None], axis=1)
    overlaps = bounding_boxes.compute_iou(boxes, boxes, "xyxy") > threshold
    if classes is not None:
        classes = ops.take_along_axis(classes, order, axis=1)
        overlaps = ops.logical_and(overlaps, classes[:, None] == classes[..., None])
    rank = ops.arange(looked_at)
    better = ops.cast(ops.logical_and(overlaps, rank[:, None] < rank), "float32")
    possible = scores > lowest

    def changes(kept, before):
        return ops.any(kept != before)

    def repeated(kept, _):
        dropped = ops.matmul(ops.cast(kept, "float32")[:, None], better)[:, 0] > 0
        return ops.logical_and(possible, ops.logical_not(dropped)), kept

    kept, _ = ops.while_loop(
        changes, repeated, (possible, ops.logical_not(possible)), maximum_iterations=looked_at + 1
    )
    return _first(ops.where(kept, scores, -1.0), order, count)


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
        >>> boxes = ops.convert_to_tensor([[[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]]])
        >>> scores = ops.convert_to_tensor([[0.9, 0.8, 0.7]])
        >>> kept, lowered = soft_suppress(boxes, scores, sigma=1.0, count=3)
        >>> kept.numpy().tolist(), lowered.numpy().round(3).tolist()
        ([[0, 2, 1]], [[0.8999999761581421, 0.699999988079071, 0.5130000114440918]])

    Reference: Bodla et al. (2017), Soft-NMS.
    """
    _check(count, lowest)
    checks.numbers(above=0, sigma=sigma)
    boxes, scores = ops.cast(boxes, "float32"), ops.cast(scores, "float32")
    there = min(count, boxes.shape[1])
    places = ops.arange(there)

    def take_best(step, state):
        left, numbers, taken = state
        score, best = ops.top_k(left, 1)  # both (batch, 1)
        here = ops.logical_and(places == step, score > lowest)
        numbers = ops.where(here, ops.cast(best, "int32"), numbers)
        taken = ops.where(here, score, taken)
        chosen = ops.take_along_axis(boxes, best[..., None], axis=1)
        overlap = bounding_boxes.compute_iou(chosen, boxes, "xyxy")[:, 0]
        left = left * ops.exp(-ops.square(overlap) / sigma)
        return ops.where(ops.arange(boxes.shape[1]) == best, -1.0, left), numbers, taken

    nothing = ops.zeros_like(scores[:, :there])
    state = scores, ops.cast(nothing, "int32") - 1, nothing
    _, numbers, taken = ops.fori_loop(0, there, take_best, state)
    more = [(0, 0), (0, count - there)]
    return ops.pad(numbers, more, constant_values=-1), ops.pad(taken, more)


def _check(count, lowest):
    checks.integers(count=count)
    checks.numbers(at_least=0, lowest=lowest)


def _first(scores, numbers, count):
    """Return the numbers and scores of the boxes that have a score, the highest first."""
    there = min(count, scores.shape[1])
    scores, order = ops.top_k(scores, there)
    numbers = ops.take_along_axis(ops.cast(numbers, "int32"), order, axis=1)
    missing = scores < 0
    more = [(0, 0), (0, count - there)]
    numbers = ops.pad(ops.where(missing, -1, numbers), more, constant_values=-1)
    return numbers, ops.pad(ops.where(missing, 0.0, scores), more)
