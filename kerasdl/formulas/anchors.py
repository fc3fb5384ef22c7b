"""Anchors: boxes that are there before anything is seen, for a network to choose and to move."""

import numpy as np

from kerasdl.formulas.boxes import iou, to_centre, to_corners


def anchor_shapes(sizes, ratios=(0.5, 1.0, 2.0)):
    """(width, height) of the anchors of a cell; of one size all cover the same area.

        w = s / sqrt(r)        h = s sqrt(r)

    Spec: DET-06

    >>> anchor_shapes([8], ratios=(0.25, 1.0)).tolist()
    [[16.0, 4.0], [8.0, 8.0]]
    """
    root = np.sqrt(np.asarray(ratios, float))[:, None]
    sizes = np.asarray(sizes, float)
    return np.stack([sizes / root, sizes * root], axis=-1).reshape(-1, 2)


def anchors(grid, strides, shapes, offset=0.5):
    """All anchors of a feature map, row by row, as (x1, y1, x2, y2).

        centre of cell (i, j) = ((j + 1/2) s_x, (i + 1/2) s_y)        H W k anchors

    torchvision has them at the cell's corner: offset 0.

    Spec: DET-06

    >>> anchors((9, 5), (16, 16), anchor_shapes([32, 64], ratios=(1, 2))).shape
    (180, 4)
    """
    y, x = ((np.arange(n) + offset) * stride for n, stride in zip(grid, strides, strict=True))
    centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
    centres, sizes = np.broadcast_arrays(centres, np.asarray(shapes)[None])
    return to_corners(np.concatenate([centres, sizes], axis=-1)).reshape(-1, 4)


def encode(boxes, anchors):
    """Where a box is, as its anchor sees it: what the box head learns.

        t_xy = (c - c_a) / s_a        t_wh = log(s / s_a)

    Spec: DET-06, DET-09

    >>> encode(np.array([0.0, 0.0, 4.0, 4.0]), np.array([0.0, 0.0, 2.0, 4.0])).round(4).tolist()
    [0.5, 0.0, 0.6931, 0.0]
    """
    boxes, anchors = to_centre(boxes), to_centre(anchors)
    moved = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return np.concatenate([moved, np.log(boxes[..., 2:] / anchors[..., 2:])], axis=-1)


def decode(codes, anchors):
    """And back: what the box head says, in pixels.

        c = c_a + t_xy s_a        s = s_a e^t_wh

    Spec: DET-06, DET-09

    >>> decode(np.array([0.5, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.0, 4.0])).tolist()
    [1.0, 0.0, 3.0, 4.0]
    """
    anchors = to_centre(anchors)
    centre = anchors[..., :2] + codes[..., :2] * anchors[..., 2:]
    return to_corners(np.concatenate([centre, anchors[..., 2:] * np.exp(codes[..., 2:])], axis=-1))


def assign(anchors, boxes, positive=0.5, negative=0.4):
    """Which box each anchor is to find: its index, -1 for nothing, -2 for better not asked.

        box(a) = argmax_b IoU(a, b)  if above t_+;    nothing  if all are below t_-

    Nearly all find nothing, which is what focal loss is for.

    Spec: DET-06, DET-12, DET-18

    >>> assign(np.array([[0, 0, 4, 4], [0, 0, 9, 4], [8, 8, 9, 9]]), np.array([[0, 0, 4, 4]]))
    array([ 0, -2, -1])
    """
    overlap = np.pad(iou(anchors, boxes), ((0, 0), (0, 1)))  # with a box that nobody meets
    best, strength = overlap.argmax(axis=1), overlap.max(axis=1)
    return np.where(strength >= positive, best, np.where(strength < negative, -1, -2))


def prior_bias(probability=0.01):
    """Where the class head starts: as sure that an anchor is empty as nearly all of them are.

        b = -log((1 - pi) / pi)        sigma(b) = pi

    Spec: DET-09, DET-18

    >>> round(float(prior_bias(0.01)), 4)
    -4.5951
    """
    return -np.log((1 - probability) / probability)


def pyramid_levels(height, width, first=3, last=7):
    """(height, width) of a pyramid's maps, each half of the one before; heads are shared by all.

        P_l: ceil(H / 2^l) x ceil(W / 2^l)        heads: sum_l H_l W_l k rows

    Spec: DET-08, DET-09

    >>> pyramid_levels(512, 256), sum(9 * h * w for h, w in pyramid_levels(512, 256))
    ([(64, 32), (32, 16), (16, 8), (8, 4), (4, 2)], 24552)
    """
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(first, last + 1)]
