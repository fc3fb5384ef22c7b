"""Boxes around things: (x1, y1, x2, y2), the corners, unless it says otherwise."""

import numpy as np


def to_centre(boxes):
    """Corners to centre and size; the other four-number form, (x, y, w, h), has the first corner.

        c = (p_1 + p_2) / 2        s = p_2 - p_1

    Spec: DET-02

    >>> to_centre(np.array([0.0, 0.0, 4.0, 2.0])).tolist()
    [2.0, 1.0, 4.0, 2.0]
    """
    first, last = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([(first + last) / 2, last - first], axis=-1)


def to_corners(boxes):
    """And back.

        p_1 = c - s / 2        p_2 = c + s / 2

    Spec: DET-02

    >>> to_corners(np.array([2.0, 1.0, 4.0, 2.0])).tolist()
    [0.0, 0.0, 4.0, 2.0]
    """
    centre, size = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def area(boxes):
    """Never negative: nothing where the corners are the wrong way round.

        A = max(x_2 - x_1, 0) max(y_2 - y_1, 0)

    Spec: DET-02

    >>> area(np.array([[0, 0, 4, 2], [4, 0, 0, 2]])).tolist()
    [8, 0]
    """
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def iou(boxes, others):
    """What two boxes share of what they cover together, each with each: (boxes, others).

        IoU = |A and B| / |A or B|        |A or B| = |A| + |B| - |A and B|

    Above 0.5 a detection counts as right.

    Spec: DET-11, MET-03, MET-13

    >>> iou(np.array([[0, 0, 2, 2]]), np.array([[1, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2]])).round(6)
    array([[0.142857, 1.      , 0.      ]])
    """
    boxes, others = boxes[:, None], others[None]
    first = np.maximum(boxes[..., :2], others[..., :2])
    last = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = area(np.concatenate([first, last], axis=-1))
    return shared / (area(boxes) + area(others) - shared)


def non_maximum_suppression(boxes, scores, threshold=0.5):
    """Of boxes that find the same thing keep the surest: their indices, surest first.

        keep the best b; drop all with IoU(b, .) > t; again with the rest

    Spec: DET-07

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


def soft_non_maximum_suppression(boxes, scores, sigma=1.0, lowest=0.001):
    """Do not drop what overlaps: trust it less, so that things that stand close are both found.

        s_i <- s_i exp(-IoU(b, b_i)^2 / sigma)

    TensorFlow's sigma is half of this, which is the paper's.

    Spec: DET-07

    >>> boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    >>> kept, scores = soft_non_maximum_suppression(boxes, np.array([0.9, 0.8, 0.7]))
    >>> kept, scores.round(3).tolist()
    ([0, 2, 1], [0.9, 0.7, 0.513])
    """
    scores, kept, found = np.array(scores, float), [], []
    while len(kept) < len(boxes) and scores.max() > lowest:
        best = int(scores.argmax())
        kept.append(best)
        found.append(scores[best])
        scores *= np.exp(-(iou(boxes[[best]], boxes)[0] ** 2) / sigma)
        scores[kept] = -np.inf
    return kept, np.array(found)


def sliding_windows(height, width, size, stride):
    """Every window that fits: what a detector without anchors or proposals has to look at.

        n = ( floor((H - s) / d) + 1 ) ( floor((W - s) / d) + 1 )

    Spec: DET-04

    >>> len(sliding_windows(100, 100, size=20, stride=10)), sliding_windows(30, 20, 20, 10).tolist()
    (81, [[0, 0, 20, 20], [0, 10, 20, 30]])
    """
    corners = np.meshgrid(
        np.arange(0, height - size + 1, stride), np.arange(0, width - size + 1, stride)
    )
    y, x = (axis.T.ravel() for axis in corners)
    return np.stack([x, y, x + size, y + size], axis=-1)
