"""Anchors of all maps of a feature pyramid."""

from collections.abc import Mapping, Sequence

import numpy as np

from kerasdl.formulas import anchors
from kerasdl.utils import checks


def pyramid_anchors(
    image_size: tuple[int, int],
    sizes: Mapping[int, Sequence[float]],
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
) -> np.ndarray:
    """Return the anchors of the maps of a pyramid: map by map, row by row, cell by cell.

    A map of stride s has ceil(height / s) rows and ceil(width / s) columns of cells. Each cell has
    an anchor of every size and ratio at its center; those of one size have the same area.

    Args:
        image_size: (height, width) in pixels.
        sizes: dict from the stride of each map to the sizes of its anchors, the square roots of
            their areas in pixels.
        ratios: sequence of float, height divided by width.

    Returns:
        float32 array (anchors, 4): x1, y1, x2, y2 in pixels. They may reach beyond the image.

    Example:
        >>> pyramid_anchors((64, 64), {8: [16, 24], 16: [32, 48]}).shape  # (8 * 8 + 4 * 4) * 6
        (480, 4)

    Reference: Lin et al. (2017), Focal Loss for Dense Object Detection.
    """
    checks.integer_tuples(length=2, image_size=image_size)
    known = isinstance(sizes, Mapping) and bool(sizes) and all(map(checks.is_integer, sizes))
    checks.check("sizes", sizes, known, "a dictionary from strides to sizes")
    _check_lengths("ratios", ratios)
    for stride, some in sizes.items():
        _check_lengths(f"sizes[{stride}]", some)
    height, width = image_size
    return np.concatenate(
        [
            anchors.anchors(
                (-(-height // stride), -(-width // stride)),
                (stride, stride),
                anchors.anchor_shapes(some, ratios),
            )
            for stride, some in sizes.items()
        ]
    ).astype("float32")


def _check_lengths(name, values):
    listed = isinstance(values, (tuple, list, np.ndarray)) and len(values) > 0
    holds = listed and all(checks.is_number(value) and value > 0 for value in values)
    checks.check(name, values, holds, "a sequence of positive numbers")
