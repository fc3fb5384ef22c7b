"""Object detection: losses of a detector and the metrics that judge it."""

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.activations import sigmoid
from kerasdl.formulas.boxes import iou
from kerasdl.formulas.losses import cross_entropy, mean_squared_error


def localization_loss(
    label: np.ndarray, p: float | np.ndarray, box: float | np.ndarray, predicted: float | np.ndarray
) -> np.floating:
    """Loss of a network with two heads: cross-entropy of the class plus squared error of the box.

        L = -log p[label] + mean( (box - box^)^2 )

    Args:
        label: int array (batch,), classes.
        p: array (batch, classes), predicted probabilities.
        box: array (batch, 4), true boxes.
        predicted: array (batch, 4), predicted boxes.

    >>> float(localization_loss(np.array([0]), np.array([[1.0, 0.0]]), np.zeros((1, 4)), 2.0))
    4.0
    """
    return cross_entropy(label, p) + mean_squared_error(box, predicted)


def focal_loss(
    y: ArrayLike, z: ArrayLike, gamma: float = 2.0, alpha: float | None = None
) -> np.ndarray:
    """Focal loss: cross-entropy that down-weights examples that are already classified well.

        FL = -(1 - p_t)^gamma log p_t        p_t = sigma(z) for y = 1, 1 - sigma(z) for y = 0

    A detector has thousands of easy, empty anchors, which would otherwise dominate the loss.

    Args:
        y: int array, labels 0 or 1.
        z: array, logits.
        gamma: float, strength of the down-weighting; 0 gives cross-entropy.
        alpha: float, weight of positive examples (negative ones get 1 - alpha); None weights all
            alike.

    >>> z = np.log(0.9 / 0.1)  # p = 0.9
    >>> [round(float(focal_loss(1, z, gamma)), 6) for gamma in (0, 1, 2)]
    [0.105361, 0.010536, 0.001054]

    Reference: Lin et al., 2017.
    """
    right = np.where(y == 1, z, -np.asarray(z))
    losses = (1 - sigmoid(right)) ** gamma * np.logaddexp(0, -right)
    return losses if alpha is None else losses * np.where(y == 1, alpha, 1 - alpha)


def smooth_l1(y: ArrayLike, p: ArrayLike, beta: float = 1.0) -> np.ndarray:
    """Smooth L1 loss: squared near 0, absolute farther away, so that outliers pull less.

        l(d) = d^2 / (2 beta) for |d| < beta        |d| - beta / 2 otherwise

    Args:
        y: array, targets.
        p: array, predictions.
        beta: float, where the two parts meet.

    >>> smooth_l1(0.0, np.array([0.5, 3.0])).tolist()
    [0.125, 2.5]

    Reference: Girshick, 2015.
    """
    far = np.abs(np.asarray(y) - p)
    return np.where(far < beta, far**2 / (2 * beta), far - beta / 2)


def detector_loss(
    y: ArrayLike,
    z: ArrayLike,
    code: ArrayLike,
    predicted: ArrayLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> np.floating:
    """Loss of a one-stage detector: focal loss for all anchors, smooth L1 for the positive ones.

        L = 1/N ( sum FL(y, z) + sum_{positive} l(code - code^) )        N: positive anchors

    Args:
        y: array (anchors, classes), one-hot; zeros for background.
        z: array (anchors, classes), logits.
        code: array (anchors, 4), true offsets.
        predicted: array (anchors, 4), predicted offsets.
        alpha: float, weight of positive examples in the focal loss.
        gamma: float, its focusing parameter.

    >>> y, sure = np.array([[1.0], [0.0]]), np.array([[9.0], [-9.0]])
    >>> float(detector_loss(y, sure, np.zeros((2, 4)), np.full((2, 4), 0.5)).round(4))
    0.5

    Reference: Lin et al., 2017.
    """
    positive = np.any(y, axis=-1)
    where = np.sum(smooth_l1(code, predicted)[positive])
    return (np.sum(focal_loss(y, z, gamma, alpha)) + where) / max(positive.sum(), 1)


def matches(
    boxes: np.ndarray, scores: np.ndarray, truths: np.ndarray, threshold: float = 0.5
) -> np.ndarray:
    """Which detections are correct: most confident first, each object found at most once.

        TP: the largest IoU with an object that is not found yet is at least t

    Args:
        boxes: array (n, 4), detections.
        scores: array (n,), confidence.
        truths: array (m, 4), true boxes.
        threshold: float, smallest IoU t.

    >>> boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 6, 6]])
    >>> matches(boxes, np.array([0.8, 0.9, 0.7]), truths=boxes[:1]).tolist()
    [True, False, False]
    """
    order = np.argsort(-scores, kind="stable")
    overlap, found = iou(boxes[order], truths), np.zeros(len(boxes), bool)
    for i, row in enumerate(overlap if len(truths) else ()):
        best = row.argmax()
        found[i] = row[best] >= threshold
        if found[i]:
            overlap[:, best] = -1  # each thing is found once
    return found


def precision_recall(found: np.ndarray, truths: int) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall after each detection, most confident first.

        P_k = TP_k / k        R_k = TP_k / n

    Args:
        found: bool array, whether each detection is correct.
        truths: int, number n of objects.

    >>> [curve.round(3).tolist() for curve in precision_recall(np.array([True, False, True]), 2)]
    [[1.0, 0.5, 0.667], [0.5, 0.5, 1.0]]
    """
    right = np.cumsum(found)
    return right / np.arange(1, len(found) + 1), right / truths


def average_precision(found: np.ndarray, truths: int, points: int | None = None) -> np.floating:
    """Area under the interpolated precision-recall curve; its mean over the classes is mAP.

        AP = integral_0^1 max_{R' >= R} P(R') dR        or the mean over 11 or 101 points

    Args:
        found: bool array, whether each detection is correct, most confident first.
        truths: int, number of objects.
        points: int, number of recall values to average over, 11 or 101; None integrates exactly.

    >>> found = np.array([True, False, True])
    >>> [round(float(average_precision(found, 2, points)), 4) for points in (None, 11, 101)]
    [0.8333, 0.8485, 0.835]

    Reference: Everingham et al., 2010.
    """
    precision, recall = precision_recall(found, truths)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    if points is None:
        return np.sum(np.diff(recall, prepend=0) * best[:-1])
    asked = np.linspace(0, 1, points) - 1e-9  # recall 3 / 10 reaches 0.30000000000000004 too
    return np.mean(best[np.searchsorted(recall, asked)])


def average_recall(overlaps: ArrayLike) -> np.floating:
    """Average recall: twice the integral of recall over IoU thresholds from 0.5 to 1.

        AR = 2 integral_0.5^1 recall(IoU) dIoU = 2 mean max(IoU - 1/2, 0)

    Args:
        overlaps: array (objects,), best IoU for each object.

    >>> round(float(average_recall(np.array([0.8]))), 4)
    0.6

    Reference: Hosang et al., 2016.
    """
    return 2 * np.mean(np.maximum(np.asarray(overlaps) - 0.5, 0))
