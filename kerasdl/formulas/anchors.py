"""Anchors: predefined boxes that a detector classifies and shifts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.boxes import iou, to_center, to_corners


def anchor_shapes(sizes: Sequence[float], ratios: Sequence[float] = (0.5, 1.0, 2.0)) -> np.ndarray:
    """Widths and heights of the anchors of one cell; all of one size have the same area.

        w = s / sqrt(r)        h = s sqrt(r)

    Args:
        sizes: sequence of float, square roots of the areas.
        ratios: sequence of float, height divided by width.

    >>> anchor_shapes([8], ratios=(0.25, 1.0)).tolist()
    [[16.0, 4.0], [8.0, 8.0]]

    Reference: Ren et al., 2015.
    """
    root = np.sqrt(np.asarray(ratios, float))[:, None]
    side = np.asarray(sizes, float)
    return np.stack([side / root, side * root], axis=-1).reshape(-1, 2)


def anchors(
    grid: tuple[int, int], strides: tuple[int, int], shapes: ArrayLike, offset: float = 0.5
) -> np.ndarray:
    """All anchors of a feature map, row by row, as (x1, y1, x2, y2).

        center of cell (i, j) = ((j + 1/2) s_x, (i + 1/2) s_y)        H W k anchors

    Args:
        grid: (rows, columns) of the feature map.
        strides: (vertical, horizontal) distance of two cells in pixels.
        shapes: array (k, 2), widths and heights.
        offset: float, position in the cell: 0.5 is its center; torchvision uses 0, its corner.

    >>> anchors((9, 5), (16, 16), anchor_shapes([32, 64], ratios=(1, 2))).shape
    (180, 4)
    """
    y, x = ((np.arange(n) + offset) * stride for n, stride in zip(grid, strides, strict=True))
    centers = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
    centers, sizes = np.broadcast_arrays(centers, np.asarray(shapes)[None])
    return to_corners(np.concatenate([centers, sizes], axis=-1)).reshape(-1, 4)


def encode(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Box as an offset from its anchor: the target of the box head.

        t_xy = (c - c_a) / s_a        t_wh = log(s / s_a)

    Args:
        boxes: array (..., 4), corners.
        anchors: array (..., 4), corners of the anchor of each box.

    >>> encode(np.array([0.0, 0.0, 4.0, 4.0]), np.array([0.0, 0.0, 2.0, 4.0])).round(4).tolist()
    [0.5, 0.0, 0.6931, 0.0]

    Reference: Ren et al., 2015.
    """
    boxes, anchors = to_center(boxes), to_center(anchors)
    moved = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return np.concatenate([moved, np.log(boxes[..., 2:] / anchors[..., 2:])], axis=-1)


def decode(codes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Box from its anchor and the predicted offset: the inverse of `encode`.

        c = c_a + t_xy s_a        s = s_a e^t_wh

    Args:
        codes: array (..., 4), offsets.
        anchors: array (..., 4), corners.

    >>> decode(np.array([0.5, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.0, 4.0])).tolist()
    [1.0, 0.0, 3.0, 4.0]
    """
    anchors = to_center(anchors)
    center = anchors[..., :2] + codes[..., :2] * anchors[..., 2:]
    return to_corners(np.concatenate([center, anchors[..., 2:] * np.exp(codes[..., 2:])], axis=-1))


def assign(
    anchors: np.ndarray, boxes: np.ndarray, positive: float = 0.5, negative: float = 0.4
) -> np.ndarray:
    """Match each anchor to a box: the index of the box, -1 for background, -2 to ignore the anchor.

        box(a) = argmax_b IoU(a, b) if that is at least t_+; background if all are below t_-

    Nearly all anchors are background, which is why focal loss exists.

    Args:
        anchors: array (anchors, 4), corners.
        boxes: array (boxes, 4), corners of the true boxes.
        positive: float, IoU from which an anchor is matched.
        negative: float, IoU below which it is background.

    >>> assign(np.array([[0, 0, 4, 4], [0, 0, 9, 4], [8, 8, 9, 9]]), np.array([[0, 0, 4, 4]]))
    array([ 0, -2, -1])
    """
    overlap = np.pad(iou(anchors, boxes), ((0, 0), (0, 1)))  # an extra box with IoU 0
    best, strength = overlap.argmax(axis=1), overlap.max(axis=1)
    return np.where(strength >= positive, best, np.where(strength < negative, -1, -2))


def prior_bias(probability: float = 0.01) -> np.ndarray:
    """Initial bias of the class head, so that it starts with a given probability.

        b = -log((1 - pi) / pi)        sigma(b) = pi

    Without it, the loss of thousands of empty anchors dominates the first steps.

    Args:
        probability: float, initial probability of an object.

    >>> round(float(prior_bias(0.01)), 4)
    -4.5951

    Reference: Lin et al., 2017.
    """
    return -np.log((1 - probability) / probability)


def pyramid_levels(height: int, width: int, first: int = 3, last: int = 7) -> list[tuple[int, int]]:
    """Heights and widths of the maps of a feature pyramid; each is half of the one before.

        P_l: ceil(H / 2^l) x ceil(W / 2^l)        sum_l H_l W_l k rows of predictions

    The same heads are applied to every level.

    Args:
        height: int, height of the image.
        width: int, width of the image.
        first: int, lowest level l.
        last: int, highest level.

    >>> pyramid_levels(512, 256), sum(9 * h * w for h, w in pyramid_levels(512, 256))
    ([(64, 32), (32, 16), (16, 8), (8, 4), (4, 2)], 24552)
    """
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(first, last + 1)]
