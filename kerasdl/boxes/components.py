"""Objects in a map of classes: the baseline for models that find each object's own mask."""

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.utils import checks


def connected_components(
    mask: ArrayLike, pixels: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the connected parts of each class in a map of classes.

    Pixels of one class that touch at a side or a corner are one object. So two objects of one class
    that touch are found as one.

    Args:
        mask: int array (height, width), the class of each pixel; 0 is the background.
        pixels: int, smallest number of pixels of an object; smaller parts are left out.

    Returns:
        Bool array (objects, height, width), int array (objects,) of classes, and float32 array
        (objects, 4) of boxes (x1, y1, x2, y2) in pixels. The largest object comes first.

    Example:
        >>> mask = [[1, 1, 0, 0], [0, 0, 0, 1], [2, 2, 0, 1]]
        >>> masks, classes, boxes = connected_components(mask)
        >>> classes.tolist(), boxes[0].tolist()
        ([1, 1, 2], [0.0, 0.0, 2.0, 1.0])
    """
    from scipy import ndimage  # takes half a second

    checks.arrays(mask=mask)
    checks.integers(at_least=1, pixels=pixels)
    mask = np.asarray(mask)
    checks.check("mask", mask.shape, mask.ndim == 2, "a map of shape (height, width)")
    found = []
    for number in np.unique(mask[mask > 0]):
        parts, count = ndimage.label(mask == number, structure=np.ones((3, 3)))
        for part, place in enumerate(ndimage.find_objects(parts, count), 1):
            whole = parts == part
            if whole.sum() >= pixels:
                (top, bottom), (left, right) = ((each.start, each.stop) for each in place)
                found.append((whole, number, (left, top, right, bottom)))
    found.sort(key=lambda each: -each[0].sum())
    masks, classes, boxes = zip(*found, strict=True) if found else ((), (), ())
    return (
        np.array(masks, bool).reshape(-1, *mask.shape),
        np.array(classes, int),
        np.array(boxes, "float32").reshape(-1, 4),
    )
