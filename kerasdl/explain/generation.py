"""Figures of generated images, reconstructions and latent spaces."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def samples(images: ArrayLike, count: int = 64) -> "Figure":
    """Plot images in a square grid.

    Args:
        images: array (number, ...) of images in [0, 1]: (height, width, channels), (height, width),
            or flattened squares.
        count: int, the largest number of images.

    Returns:
        A matplotlib figure.

    Example:
        >>> len(samples(np.zeros((4, 8, 8, 1))).axes)
        4
    """
    images = _first(images, count)
    return style.image_grid(images, int(np.ceil(len(images) ** 0.5)))


def reconstructions(inputs: ArrayLike, outputs: ArrayLike, count: int = 10) -> "Figure":
    """Plot inputs above their reconstructions; a single one beside it.

    Args:
        inputs: array of images in [0, 1].
        outputs: array of the same shape, their reconstructions.
        count: int, the largest number of pairs.

    Returns:
        A matplotlib figure.

    Example:
        >>> len(reconstructions(np.zeros((3, 8, 8, 1)), np.ones((3, 8, 8, 1))).axes)
        6
    """
    inputs, outputs = _first(inputs, count), _first(outputs, count)
    if inputs.shape != outputs.shape:
        raise InvalidInput("outputs", f"the inputs' shape {inputs.shape}", outputs.shape)
    if len(inputs) == 1:
        return style.image_grid([*inputs, *outputs], 2, ["input", "output"], size=1.8)
    figure = style.image_grid([*inputs, *outputs], len(inputs))
    _row_names(figure, len(inputs), ["input", "output"])
    return figure


def interpolation(images: ArrayLike) -> "Figure":
    """Plot images that were decoded along lines between two codes, a row for each pair of codes.

    Args:
        images: array of images in [0, 1]: (steps, ...) for one pair of codes, or (rows, steps, ...)
            for several.

    Returns:
        A matplotlib figure.

    Example:
        >>> len(interpolation(np.zeros((5, 8, 8, 1))).axes)
        5
    """
    checks.arrays(images=images)
    images = np.asarray(images)
    is_color = images.ndim == 4 and images.shape[-1] in (1, 3)
    rows = images if images.ndim == 5 or (images.ndim == 4 and not is_color) else images[None]
    return style.image_grid([image for row in rows for image in row], rows.shape[1])


def latent(
    codes: ArrayLike, labels: ArrayLike | None = None, names: Sequence[str] | None = None
) -> "Figure":
    """Plot latent codes as points in a plane, colored by class.

    Codes of more than two dimensions are projected on their first two principal components.

    Args:
        codes: array (number, dimensions), at least two dimensions.
        labels: integers (number,), the class of each code; by default all have one color.
        names: names of the classes; by default their numbers.

    Returns:
        A matplotlib figure.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(20, 2))
        >>> figure = latent(codes, np.arange(20) % 2)
        >>> len(figure.axes)
        1
    """
    checks.arrays(codes=codes)
    checks.arrays(labels=labels, optional=True)
    points = np.asarray(codes, "float64")
    if points.ndim != 2 or points.shape[1] < 2 or len(points) < 2:
        raise InvalidInput("codes", "shape (number, 2 or more)", points.shape)
    labels = np.zeros(len(points), int) if labels is None else np.asarray(labels).ravel()
    axes_names = ("code 1", "code 2")
    if points.shape[1] > 2:
        # principal components: the directions in which the codes vary most
        centered = points - points.mean(0)
        _, deviations, directions = np.linalg.svd(centered, full_matrices=False)
        explained = deviations**2 / np.sum(deviations**2)
        points = centered @ directions[:2].T
        first, second = (f"component {i + 1} ({explained[i]:.0%} of variance)" for i in range(2))
        axes_names = first, second
    with style.figure(6, 5) as figure:
        axis = figure.subplots()
        classes = np.unique(labels)
        for i, label in enumerate(classes):
            chosen = points[labels == label]
            color = style.PALETTE[i % len(style.PALETTE)]
            name = plain_text.for_figure(names[label] if names else label)
            axis.scatter(
                chosen[:, 0], chosen[:, 1], s=9, alpha=0.6, linewidths=0, color=color, label=name
            )
        axis.set(xlabel=axes_names[0], ylabel=axes_names[1])
        axis.set_aspect("equal", adjustable="datalim")
        if len(classes) > 1:
            axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    return figure


def _first(images, count) -> np.ndarray:
    checks.arrays(images=images)
    checks.integers(count=count)
    images = np.asarray(images)[:count]
    if images.ndim < 2 or not len(images):
        raise InvalidInput("images", "at least one", f"shape {images.shape}")
    return images


def _row_names(figure, columns, names):
    for axis, name in zip(figure.axes[::columns], names, strict=True):
        axis.text(-0.08, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize=10)
