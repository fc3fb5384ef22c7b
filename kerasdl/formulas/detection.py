"""Detection: what it costs to miss, and how good a detector is."""

import numpy as np

from kerasdl.formulas.activations import sigmoid
from kerasdl.formulas.boxes import iou
from kerasdl.formulas.losses import cross_entropy, mean_squared_error


def localisation_loss(label, p, box, predicted):
    """What is it, and where: two heads, two losses, one sum.

        L = -log p[label] + mean( (box - box^)^2 )

    Spec: DET-03

    >>> float(localisation_loss(np.array([0]), np.array([[1.0, 0.0]]), np.zeros((1, 4)), 2.0))
    4.0
    """
    return cross_entropy(label, p) + mean_squared_error(box, predicted)


def focal_loss(y, z, gamma=2.0, alpha=None):
    """Cross-entropy that hardly counts what is right already, as thousands of empty anchors are.

        FL = -(1 - p_t)^gamma log p_t        p_t = sigma(z) for y = 1, 1 - sigma(z) for y = 0

    alpha weighs the positive examples, and 1 - alpha the others.

    Spec: DET-10, DET-18

    >>> z = np.log(0.9 / 0.1)  # p = 0.9
    >>> [round(float(focal_loss(1, z, gamma)), 6) for gamma in (0, 1, 2)]
    [0.105361, 0.010536, 0.001054]
    """
    right = np.where(y == 1, z, -np.asarray(z))
    losses = (1 - sigmoid(right)) ** gamma * np.logaddexp(0, -right)
    return losses if alpha is None else losses * np.where(y == 1, alpha, 1 - alpha)


def smooth_l1(y, p, beta=1.0):
    """Squared near 0, straight far off: a box that is far away pulls no harder than any other.

        l(d) = d^2 / (2 beta) for |d| < beta        |d| - beta / 2 otherwise

    Spec: LOS-12

    >>> smooth_l1(0.0, np.array([0.5, 3.0])).tolist()
    [0.125, 2.5]
    """
    far = np.abs(np.asarray(y) - p)
    return np.where(far < beta, far**2 / (2 * beta), far - beta / 2)


def detector_loss(y, z, code, predicted, alpha=0.25, gamma=2.0):
    """All anchors say what they see, those that hold a thing also where: y (anchors, classes).

        L = 1/N ( sum FL(y, z) + sum_{positive} l(code - code^) )        N: positive anchors

    One of the notes has the heading alone.

    Spec: LOS-12

    >>> y, sure = np.array([[1.0], [0.0]]), np.array([[9.0], [-9.0]])
    >>> float(detector_loss(y, sure, np.zeros((2, 4)), np.full((2, 4), 0.5)).round(4))
    0.5
    """
    positive = np.any(y, axis=-1)
    where = np.sum(smooth_l1(code, predicted)[positive])
    return (np.sum(focal_loss(y, z, gamma, alpha)) + where) / max(positive.sum(), 1)


def matches(boxes, scores, truths, threshold=0.5):
    """Whether each detection, the surest first, finds a thing that none before it found.

        TP: max IoU with the free truths >= t

    Spec: DET-12

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


def precision_recall(found, truths):
    """After each detection, the surest first: how many were right, and how much has been found.

        P_k = TP_k / k        R_k = TP_k / n

    Spec: DET-13, MET-02

    >>> [curve.round(3).tolist() for curve in precision_recall(np.array([True, False, True]), 2)]
    [[1.0, 0.5, 0.667], [0.5, 0.5, 1.0]]
    """
    right = np.cumsum(found)
    return right / np.arange(1, len(found) + 1), right / truths


def average_precision(found, truths, points=None):
    """Precision over all recalls, each as good as at any later one; their mean over classes is mAP.

        AP = integral_0^1 max_{R' >= R} P(R') dR        or the mean over 11 or 101 points

    The notes have it swapped with average recall.

    Spec: DET-13, MET-03, E-03

    >>> found = np.array([True, False, True])
    >>> [round(float(average_precision(found, 2, points)), 4) for points in (None, 11, 101)]
    [0.8333, 0.8485, 0.835]
    """
    precision, recall = precision_recall(found, truths)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    if points is None:
        return np.sum(np.diff(recall, prepend=0) * best[:-1])
    asked = np.linspace(0, 1, points) - 1e-9  # 0.30000000000000004 is found by 3 of 10
    return np.mean(best[np.searchsorted(recall, asked)])


def average_recall(overlaps):
    """How much is found, over how exactly it must be: `overlaps` are the best for each thing.

        AR = 2 integral_0.5^1 recall(IoU) dIoU = 2 mean max(IoU - 1/2, 0)

    The notes have it swapped with average precision.

    Spec: DET-14, MET-03, E-03

    >>> round(float(average_recall(np.array([0.8]))), 4)
    0.6
    """
    return 2 * np.mean(np.maximum(np.asarray(overlaps) - 0.5, 0))
