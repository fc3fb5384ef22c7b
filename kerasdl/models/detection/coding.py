"""Boxes as offsets from others: what a detector predicts.

The codes are those of `keras.utils.bounding_boxes`, whose functions have no limits: a size of zero,
which pads the boxes of an image, or a large code of an untrained network gives infinite numbers.
"""

import math
from collections.abc import Sequence

from keras import ops

from kerasdl.utils.types import Tensor

LARGEST = math.log(1000 / 16)  # of a logarithm of sizes, as in the published detectors
SMALLEST = 1e-6  # size of a box relative to its anchor
PLAIN = (1.0, 1.0, 1.0, 1.0)


def decode(codes: Tensor, anchors: Tensor, scales: Sequence[float] = PLAIN) -> Tensor:
    """Return boxes (x1, y1, x2, y2) for the codes of anchors with center c and size s.

        center = c + t_xy s        size = s e^t_wh        t = scales codes

    Args:
        codes: tensor (..., 4).
        anchors: tensor (..., 4).
        scales: four floats.

    Example:
        >>> anchor = ops.convert_to_tensor([0.0, 0.0, 2.0, 4.0])
        >>> decode(ops.convert_to_tensor([0.5, 0.0, 0.0, 0.0]), anchor).numpy()
        array([1., 0., 3., 4.], dtype=float32)
    """
    codes = codes * ops.convert_to_tensor(scales, codes.dtype)
    size = anchors[..., 2:] - anchors[..., :2]
    center = (anchors[..., :2] + anchors[..., 2:]) / 2 + codes[..., :2] * size
    half = size * ops.exp(ops.minimum(codes[..., 2:], LARGEST)) / 2
    return ops.concatenate([center - half, center + half], axis=-1)


def encode(true: Tensor, anchors: Tensor, scales: Sequence[float] = PLAIN) -> Tensor:
    """Return the codes of boxes: the inverse of `decode`."""
    size = ops.maximum(anchors[..., 2:] - anchors[..., :2], SMALLEST)
    moved = (true[..., :2] + true[..., 2:] - anchors[..., :2] - anchors[..., 2:]) / 2
    scaled = ops.maximum((true[..., 2:] - true[..., :2]) / size, SMALLEST)
    codes = ops.concatenate([moved / size, ops.log(scaled)], axis=-1)
    return codes / ops.convert_to_tensor(scales, codes.dtype)
