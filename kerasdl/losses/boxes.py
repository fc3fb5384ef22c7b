"""Losses of boxes by their overlap, which the number of pixels does not change."""

import math

import keras
from keras import ops

from kerasdl.errors import InvalidInput

SMALL = 1e-7  # keeps divisions by empty boxes finite


def _checked(loss, y_true, y_pred):
    """Return true and predicted boxes as tensors of one dtype."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    for boxes in (y_true, y_pred):
        if not len(boxes.shape) or boxes.shape[-1] != 4:
            expected = "boxes of shape (..., 4)"
            raise InvalidInput(f"input of {type(loss).__name__}", expected, tuple(boxes.shape))
    return ops.cast(y_true, y_pred.dtype), y_pred


def _overlap(a, b):
    """Return for pairs of boxes their overlap (IoU), the area of their union, a box around both."""
    shared = ops.prod(
        ops.relu(ops.minimum(a[..., 2:], b[..., 2:]) - ops.maximum(a[..., :2], b[..., :2])), axis=-1
    )
    union = _area(a) + _area(b) - shared
    first, last = ops.minimum(a[..., :2], b[..., :2]), ops.maximum(a[..., 2:], b[..., 2:])
    return shared / (union + SMALL), union, ops.concatenate([first, last], axis=-1)


def _near(a, b):
    """Return the overlap of pairs of boxes minus the distance of their centers."""
    iou, _, around = _overlap(a, b)
    centers = [(boxes[..., :2] + boxes[..., 2:]) / 2 for boxes in (a, b)]
    distance = ops.sum(ops.square(centers[0] - centers[1]), axis=-1)
    diagonal = ops.sum(ops.square(around[..., 2:] - around[..., :2]), axis=-1)
    return iou - distance / (diagonal + SMALL)


def _area(boxes):
    return ops.prod(ops.relu(boxes[..., 2:] - boxes[..., :2]), axis=-1)


@keras.saving.register_keras_serializable(package="kerasdl")
class GIoU(keras.losses.Loss):
    """1 minus the generalized intersection over union, which also pulls distant boxes together.

    The overlap of boxes that do not touch is 0 wherever they are, so it has no gradient.

        L = 1 - IoU + (C - U) / C        U: area of the union, C: of the smallest box around both

    Args:
        reduction: str, "sum_over_batch_size", "sum", "mean" or `None`.
        name: str.
        dtype: str or `keras.DTypePolicy`.

    Example:
        >>> box, moved = [[0.0, 0.0, 2.0, 2.0]], [[1.0, 1.0, 3.0, 3.0]]
        >>> round(float(GIoU()(box, moved)), 4)  # 1 - 1/7 + 2/9
        1.0794

    Reference: Rezatofighi et al. (2019), Generalized Intersection over Union.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "giou",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        super().__init__(name, reduction, dtype)

    def call(self, y_true, y_pred):
        y_true, y_pred = _checked(self, y_true, y_pred)
        iou, union, around = _overlap(y_true, y_pred)
        area = _area(around)
        return 1 - iou + (area - union) / (area + SMALL)


@keras.saving.register_keras_serializable(package="kerasdl")
class DIoU(keras.losses.Loss):
    """1 minus the overlap, plus the distance of the centers: boxes meet sooner than with `GIoU`.

        L = 1 - IoU + d^2 / c^2        d: between the centers, c: diagonal of the box around both

    Args:
        reduction, name, dtype: As in `GIoU`.

    Example:
        >>> box, moved = [[0.0, 0.0, 2.0, 2.0]], [[1.0, 1.0, 3.0, 3.0]]
        >>> round(float(DIoU()(box, moved)), 4)  # 1 - 1/7 + 2/18
        0.9683

    Reference: Zheng et al. (2020), Distance-IoU Loss.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "diou",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        super().__init__(name, reduction, dtype)

    def call(self, y_true, y_pred):
        return 1 - _near(*_checked(self, y_true, y_pred))


@keras.saving.register_keras_serializable(package="kerasdl")
class CIoU(keras.losses.Loss):
    """`DIoU` plus the difference of the aspect ratios.

        L = 1 - IoU + d^2 / c^2 + a v
        v = 4 / pi^2 (arctan(w / h) - arctan(w' / h'))^2        a = v / (1 - IoU + v), a constant

    Args:
        reduction, name, dtype: As in `GIoU`.

    Example:
        >>> box, wide = [[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.5, 2.0, 1.5]]
        >>> round(float(CIoU()(box, wide)), 4)
        0.5032

    Reference: Zheng et al. (2020), Distance-IoU Loss.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ciou",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        super().__init__(name, reduction, dtype)

    def call(self, y_true, y_pred):
        y_true, y_pred = _checked(self, y_true, y_pred)
        angles = []
        for boxes in (y_true, y_pred):
            size = ops.relu(boxes[..., 2:] - boxes[..., :2])
            angles.append(ops.arctan2(size[..., 0], size[..., 1] + SMALL))
        difference = 4 / math.pi**2 * ops.square(angles[0] - angles[1])
        iou, _, _ = _overlap(y_true, y_pred)
        weight = ops.stop_gradient(difference / (1 - iou + difference + SMALL))
        return 1 - _near(y_true, y_pred) + weight * difference
