"""Bounding boxes as (x1, y1, x2, y2), the two corners, unless stated otherwise."""

import numpy as np


def to_center(boxes: np.ndarray) -> np.ndarray:
    """Convert corners to (center x, center y, width, height).

        c = (p_1 + p_2) / 2        s = p_2 - p_1

    Args:
        boxes: array (..., 4), corners.

    >>> to_center(np.array([0.0, 0.0, 4.0, 2.0])).tolist()
    [2.0, 1.0, 4.0, 2.0]
    """
    first, last = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([(first + last) / 2, last - first], axis=-1)


def to_corners(boxes: np.ndarray) -> np.ndarray:
    """Convert (center x, center y, width, height) to corners.

        p_1 = c - s / 2        p_2 = c + s / 2

    Args:
        boxes: array (..., 4), centers and sizes.

    >>> to_corners(np.array([2.0, 1.0, 4.0, 2.0])).tolist()
    [0.0, 0.0, 4.0, 2.0]
    """
    center, size = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([center - size / 2, center + size / 2], axis=-1)


def area(boxes: np.ndarray) -> np.ndarray:
    """Area of boxes; 0 if the corners are swapped.

        A = max(x_2 - x_1, 0) max(y_2 - y_1, 0)

    Args:
        boxes: array (..., 4), corners.

    >>> area(np.array([[0, 0, 4, 2], [4, 0, 0, 2]])).tolist()
    [8, 0]
    """
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with each other box.

        IoU = |A and B| / |A or B|        |A or B| = |A| + |B| - |A and B|

    A detection usually counts as correct from 0.5 on.

    Args:
        boxes: array (n, 4), corners.
        others: array (m, 4), corners.

    >>> iou(np.array([[0, 0, 2, 2]]), np.array([[1, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2]])).round(6)
    array([[0.142857, 1.      , 0.      ]])
    """
    boxes, others = boxes[:, None], others[None]
    first = np.maximum(boxes[..., :2], others[..., :2])
    last = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = area(np.concatenate([first, last], axis=-1))
    return shared / (area(boxes) + area(others) - shared)


def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, threshold: float = 0.5
) -> list[int]:
    """Keep the most confident of overlapping boxes; returns indices, most confident first.

        keep the best b; drop all with IoU(b, .) > t; repeat with the rest

    Args:
        boxes: array (n, 4), corners.
        scores: array (n,), confidence.
        threshold: float, IoU t above which a box is dropped.

    >>> boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    >>> non_maximum_suppression(boxes, np.array([0.9, 0.8, 0.7]))
    [0, 2]
    """
    waiting, kept = list(np.argsort(-scores, kind="stable")), []
    while waiting:
        best = waiting.pop(0)
        kept.append(int(best))
        overlap = iou(boxes[[best]], boxes[waiting])[0]
        waiting = [i for i, part in zip(waiting, overlap, strict=True) if part <= threshold]
    return kept


def soft_non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, sigma: float = 1.0, lowest: float = 0.001
) -> tuple[list[int], np.ndarray]:
    """Lower the scores of overlapping boxes and do not drop them, so that close objects survive.

        s_i <- s_i exp(-IoU(b, b_i)^2 / sigma)

    Returns the indices and the new scores. TensorFlow's sigma is half of this one, which is the
    paper's.

    Args:
        boxes: array (n, 4), corners.
        scores: array (n,), confidence.
        sigma: float, width of the decay.
        lowest: float, score at which to stop.

    >>> boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    >>> kept, scores = soft_non_maximum_suppression(boxes, np.array([0.9, 0.8, 0.7]))
    >>> kept, scores.round(3).tolist()
    ([0, 2, 1], [0.9, 0.7, 0.513])

    Reference: Bodla et al., 2017.
    """
    scores = np.array(scores, float)
    kept: list[int] = []
    found: list[float] = []
    while len(kept) < len(boxes) and scores.max() > lowest:
        best = int(scores.argmax())
        kept.append(best)
        found.append(scores[best])
        scores *= np.exp(-(iou(boxes[[best]], boxes)[0] ** 2) / sigma)
        scores[kept] = -np.inf
    return kept, np.array(found)


def sliding_windows(height: int, width: int, size: int, stride: int) -> np.ndarray:
    """Corners of all windows of one size: what a detector without anchors must classify.

        n = ( floor((H - s) / d) + 1 ) ( floor((W - s) / d) + 1 )

    Args:
        height: int, height H of the image.
        width: int, width W.
        size: int, side s of a window.
        stride: int, distance d of two windows.

    >>> len(sliding_windows(100, 100, size=20, stride=10)), sliding_windows(30, 20, 20, 10).tolist()
    (81, [[0, 0, 20, 20], [0, 10, 20, 30]])
    """
    corners = np.meshgrid(
        np.arange(0, height - size + 1, stride), np.arange(0, width - size + 1, stride)
    )
    y, x = (axis.T.ravel() for axis in corners)
    return np.stack([x, y, x + size, y + size], axis=-1)
