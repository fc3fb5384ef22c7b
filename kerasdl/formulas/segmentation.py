"""Semantic segmentation: a class for each pixel, and how well it fits."""

import numpy as np
from numpy.typing import ArrayLike


def confusion_matrix(y: ArrayLike, said: ArrayLike, classes: int) -> np.ndarray:
    """Confusion matrix: how often each true class (row) was predicted as which class (column).

        C[i, j] = #{ y = i, y^ = j }

    Args:
        y: int array, true classes.
        said: int array like y, predicted classes.
        classes: int, number of classes.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    pairs = np.ravel(y) * classes + np.ravel(said)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union of each class.

        IoU_c = TP / (TP + FP + FN)

    Args:
        confusion: array (classes, classes), as from `confusion_matrix`.

    >>> class_iou(np.array([[1, 1], [0, 2]])).round(4).tolist()
    [0.5, 0.6667]
    """
    right = np.diag(confusion)
    return right / (confusion.sum(axis=0) + confusion.sum(axis=1) - right)


def class_dice(confusion: np.ndarray) -> np.ndarray:
    """Dice coefficient of each class: the same as F1, the harmonic mean of precision and recall.

        Dice_c = 2 TP / (2 TP + FP + FN) = 2 IoU / (1 + IoU)

    Args:
        confusion: array (classes, classes), as from `confusion_matrix`.

    >>> class_dice(np.array([[1, 1], [0, 2]])).round(4).tolist()
    [0.6667, 0.8]
    """
    return 2 * np.diag(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1))


def dice_loss(y: float | np.ndarray, p: float | np.ndarray, smooth: float = 0.0) -> np.floating:
    """Dice loss for probabilities: small objects are not outweighed by the background.

        L = 1 - (2 sum y p + s) / (sum y + sum p + s)

    Args:
        y: array, 1 for pixels of the class, else 0.
        p: array like y, predicted probabilities.
        smooth: float, s, avoids a division by 0.

    >>> float(dice_loss(np.array([1, 1, 0, 0]), np.array([1.0, 0.0, 1.0, 0.0])))
    0.5

    Reference: Milletari et al., 2016.
    """
    return 1 - (2 * np.sum(y * p) + smooth) / (np.sum(y) + np.sum(p) + smooth)


def painted(classes: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Color a map of class scores: each pixel gets the color of its most likely class.

        image[i, j] = palette[ argmax_c logits[i, j, c] ]

    Args:
        classes: array (height, width, classes), scores.
        palette: array (classes, 3), colors.

    >>> painted(np.array([[[0.1, 0.9], [0.8, 0.2]]]), np.array([[0, 0, 0], [9, 9, 9]])).tolist()
    [[[9, 9, 9], [0, 0, 0]]]
    """
    return palette[np.argmax(classes, axis=-1)]
