"""Figures of detected objects and of segmented images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks, plain_text

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
    for axis, *rectangles in zip(figure.axes, *(kind[0] for kind in kinds), strict=False):
        for box, (_, color, line, label) in zip(rectangles, kinds, strict=True):
            _outline(axis, box, images.shape[1:3], line, color=color, label=label)
    if true is not None:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def detections(
    images: ArrayLike,
    predicted: Sequence[ArrayLike],
    labels: Sequence[Sequence[str]],
    true: ArrayLike | None = None,
    scores: Sequence[np.ndarray | Sequence[float]] | None = None,
    masks: Sequence[ArrayLike] | None = None,
) -> "Figure":
    """Draw any number of labeled boxes on each image, a color for each label.

    Args:
        images: array (count, height, width, channels) in [0, 1].
        predicted: for each image an array (boxes, 4): x1, y1, x2, y2 as fractions of width and
            height.
        labels: for each image the label of each box.
        true: array (count, boxes, 4), the true boxes, drawn dashed, with zeros where an image has
            fewer; by default none are drawn.
        scores: for each image the score of each box, in [0, 1], which is then written beside the
            box with its label; by default a legend shows the labels.
        masks: for each image an array (boxes, height, width), the pixels of each object, which are
            tinted with the color of its label.

    Example:
        >>> boxes = [[[0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9]], np.zeros((0, 4))]
        >>> len(detections(np.zeros((2, 8, 8, 3)), boxes, [["cat", "dog"], []]).axes)
        2
    """
    checks.arrays(images=images)
    checks.arrays(true=true, optional=True)
    images = np.asarray(images)
    if not len(images) == len(predicted) == len(labels):
        expected = f"boxes and labels for each of {len(images)} images"
        raise InvalidInput("boxes", expected, f"{len(predicted)} and {len(labels)}")
    counts = [len(each) for each in labels]
    if scores is not None and [len(each) for each in scores] != counts:
        raise InvalidInput("scores", "one for each box", [len(each) for each in scores])
    labels = [[plain_text.for_figure(label) for label in each] for each in labels]
    names = sorted({label for each in labels for label in each})
    if masks is not None:
        sizes = [(count, *images.shape[1:3]) for count in counts]
        if [np.shape(each) for each in masks] != sizes:
            expected = f"a mask of {images.shape[1:3]} pixels for each box"
            raise InvalidInput("masks", expected, [np.shape(each) for each in masks])
        numbers = [[names.index(label) for label in each] for each in labels]
        images = np.stack([*map(_tinted, images, masks, numbers)])
    figure = style.image_grid(images, min(len(images), 6), size=1.5 if len(images) > 1 else 4)
    for i, axis in zip(range(len(images)), figure.axes, strict=False):
        given = np.zeros((0, 4)) if true is None else np.asarray(true)[i]
        for box in given[given[:, 2] > given[:, 0]]:
            _outline(axis, box, images.shape[1:3], "--", color="white")
        for j, (box, label) in enumerate(zip(np.asarray(predicted[i]), labels[i], strict=True)):
            color = style.PALETTE[names.index(label) % len(style.PALETTE)]
            _outline(axis, box, images.shape[1:3], "-", color=color, label=label)
            if scores is not None:
                _write(axis, box, images.shape[1:3], f"{label} {scores[i][j]:.0%}", color)
    handles = {
        line.get_label(): line
        for axis in figure.axes
        for line in axis.lines
        if line.get_label() in names
    }
    if handles and scores is None:
        shown = [handles[name] for name in names]
        figure.legend(shown, names, loc="outside lower center", ncols=5, fontsize=9)
    return figure


def _tinted(image, masks, numbers):
    """Mix the pixels of each mask with the color of its number."""
    from matplotlib import colors

    image = image.copy() if image.shape[-1] == 3 else np.repeat(image[..., :1], 3, axis=-1)
    for mask, number in zip(np.asarray(masks, bool), numbers, strict=True):
        color = np.array(colors.to_rgb(style.PALETTE[number % len(style.PALETTE)]))
        image[mask] = 0.5 * image[mask] + 0.5 * color
    return image


def _write(axis, box, size, text, color):
    """Write a text on the upper edge of a box; it does not leave the image."""
    x, y = np.clip(box[:2], 0, 1) * size[::-1] - 0.5
    ground = {"facecolor": color, "edgecolor": "none", "pad": 1.0}
    options = {"color": "white", "fontsize": 7, "va": "top", "clip_on": True, "bbox": ground}
    axis.text(x, y, text, **options)


def _outline(axis, box, size, line, **how):
    """Draw a box that is given by fractions of the image's width and height."""
    (x1, y1, x2, y2), (height, width) = box, size
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])
    x, y = (corners * (width, height) - 0.5).T  # the first pixel's center is 0
    axis.plot(x, y, line, linewidth=1.5, **how)


def masks(
    images: ArrayLike,
    predicted: ArrayLike,
    names: Sequence[str],
    true: ArrayLike | None = None,
) -> "Figure":
    """Draw images, each with its pixels colored by their classes below it.

    Args:
        images: array (count, height, width, channels) in [0, 1].
        predicted: int array (count, height, width), the class of each pixel; 0 is the background.
        names: list of str, the names of the classes, with that of the background.
        true: int array like `predicted`, drawn in a row of its own; by default none is.

    Example:
        >>> empty = np.zeros((2, 8, 8), int)
        >>> len(masks(np.zeros((2, 8, 8, 3)), empty, ["background", "cat"]).axes)
        4
    """
    from matplotlib import patches

    checks.arrays(images=images, predicted=predicted)
    checks.arrays(true=true, optional=True)
    images, predicted = np.asarray(images), np.asarray(predicted)
    if predicted.shape != images.shape[:3] or not len(images):
        expected = f"shape {images.shape[:3]}, a class for each pixel"
        raise InvalidInput("masks", expected, predicted.shape)
    images = images if images.shape[-1] == 3 else np.repeat(images[..., :1], 3, axis=-1)
    rows = {"image": images, "predicted": _painted(images, predicted)}
    if true is not None:
        rows["true"] = _painted(images, np.asarray(true))
    figure = style.image_grid(np.concatenate([*rows.values()]), len(images), size=1.5)
    for axis, title in zip(figure.axes[:: len(images)], rows, strict=True):
        axis.set_title(title, fontsize=9)
    handles = [
        patches.Patch(color=style.PALETTE[(i - 1) % len(style.PALETTE)], label=names[i])
        for i in sorted({*np.unique(predicted), *np.unique([0] if true is None else true)})
        if i > 0
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=9)
    return figure


def _painted(images, masks):
    """Mix each pixel with the color of its class; the background stays gray."""
    from matplotlib import colors

    palette = np.array([colors.to_rgb(color) for color in style.PALETTE])
    gray = np.repeat(images.mean(axis=-1, keepdims=True), 3, axis=-1)
    painted = 0.3 * gray + 0.7 * palette[(masks - 1) % len(palette)]
    return np.where(masks[..., None] > 0, painted, 0.5 + 0.5 * gray)
