"""Figures of detected objects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def boxes(
    images: ArrayLike,
    predicted: ArrayLike,
    titles: Sequence[str] | None = None,
    true: ArrayLike | None = None,
) -> "Figure":
    """Draw a predicted box on each image, and the true one beside it.

    Args:
        images: array (count, height, width, channels) in [0, 1].
        predicted: array (count, 4): x1, y1, x2, y2 as fractions of width and height.
        titles: list of str, one for each image, such as the class.
        true: array (count, 4), the true boxes; by default none are drawn.

    Example:
        >>> len(boxes(np.zeros((2, 8, 8, 3)), [[1, 1, 5, 5], [2, 2, 6, 6]]).axes)
        2
    """
    checks.arrays(images=images, predicted=predicted)
    checks.arrays(true=true, optional=True)
    images, predicted = np.asarray(images), np.asarray(predicted)
    if predicted.shape != (len(images), 4) or not len(images):
        expected = f"shape ({len(images)}, 4), a box for each image"
        raise InvalidInput("boxes", expected, predicted.shape)
    figure = style.image_grid(images, min(len(images), 6), titles, size=1.5)
    kinds = [(predicted, style.ORANGE, "-", "predicted")]
    kinds += [] if true is None else [(np.asarray(true), style.BLUE, "--", "true")]
    height, width = images.shape[1:3]
    for axis, *rectangles in zip(figure.axes, *(kind[0] for kind in kinds), strict=False):
        for (x1, y1, x2, y2), (_, color, line, label) in zip(rectangles, kinds, strict=True):
            corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])
            x, y = (corners * (width, height) - 0.5).T  # the first pixel's center is 0
            axis.plot(x, y, line, color=color, linewidth=1.5, label=label)
    if true is not None:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return figure
