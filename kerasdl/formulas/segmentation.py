"""Segmentation: a class for each pixel, and how well they fit."""

import numpy as np


def confusion_matrix(y, said, classes):
    """How often each class (a row) was taken for which (a column).

        C[i, j] = #{ y = i, y^ = j }

    Spec: DBG-20, DET-24

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    pairs = np.ravel(y) * classes + np.ravel(said)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def class_iou(confusion):
    """Of each class: pixels that are it and were said so, of those that are it or were said so.

        IoU_c = TP / (TP + FP + FN)

    Spec: DET-11, DET-24

    >>> class_iou(np.array([[1, 1], [0, 2]])).round(4).tolist()
    [0.5, 0.6667]
    """
    right = np.diag(confusion)
    return right / (confusion.sum(axis=0) + confusion.sum(axis=1) - right)


def class_dice(confusion):
    """The same as the harmonic mean of precision and recall, F1; the notes say geometric.

        Dice_c = 2 TP / (2 TP + FP + FN) = 2 IoU / (1 + IoU)

    Spec: DET-17, E-04

    >>> class_dice(np.array([[1, 1], [0, 2]])).round(4).tolist()
    [0.6667, 0.8]
    """
    return 2 * np.diag(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1))


def dice_loss(y, p, smooth=0.0):
    """Dice for chances in place of decisions: a loss that small things do not drown in.

        L = 1 - (2 sum y p + s) / (sum y + sum p + s)

    Spec: DET-17

    >>> float(dice_loss(np.array([1, 1, 0, 0]), np.array([1.0, 0.0, 1.0, 0.0])))
    0.5
    """
    return 1 - (2 * np.sum(y * p) + smooth) / (np.sum(y) + np.sum(p) + smooth)


def painted(classes, palette):
    """A map of classes as an image, and the colours tell the classes again.

        image[i, j] = palette[ argmax_c logits[i, j, c] ]

    Spec: DET-16

    >>> painted(np.array([[[0.1, 0.9], [0.8, 0.2]]]), np.array([[0, 0, 0], [9, 9, 9]])).tolist()
    [[[9, 9, 9], [0, 0, 0]]]
    """
    return palette[np.argmax(classes, axis=-1)]
