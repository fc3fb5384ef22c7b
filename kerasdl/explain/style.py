"""The common style of all figures."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.utils import plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE = "#2a6fb0", "#e07b1a"
PALETTE = (
    *(BLUE, ORANGE, "#3a9d5d", "#c8455a", "#7d5ba6", "#8c6239", "#d770ad", "#5f6b78"),
    *("#b5a300", "#1fa7b8"),
)
TIGHT = {"w_pad": 0.03, "h_pad": 0.03, "wspace": 0, "hspace": 0}  # between images
SETTINGS = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#b8bcc4",
    "axes.grid": True,
    "axes.labelcolor": "#444444",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.dpi": 120,
    "font.size": 10,
    "grid.color": "#e8eaee",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
}


@contextlib.contextmanager
def figure(width: float, height: float) -> Iterator["Figure"]:
    """Make a figure in this style, without a display and without pyplot's global state.

    Args:
        width: float, inches.
        height: float, inches.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        picture = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(picture)
        yield picture


def tighten(picture: "Figure"):
    """Leave almost no space between the images of a figure."""
    if engine := picture.get_layout_engine():
        engine.set(**TIGHT)


def image_grid(
    images: Iterable[ArrayLike],
    columns: int,
    titles: Sequence[str] | None = None,
    size: float = 0.9,
    limits: tuple[float, float] | None = None,
) -> "Figure":
    """Plot images row by row.

    Args:
        images: arrays of images, which `as_picture` accepts.
        columns: int, the number of images in a row.
        titles: a title for each image, or none.
        size: float, the size of an image in inches.
        limits: tuple, the values of black and white; by default 0 and 1.
    """
    pictures = [as_picture(image) for image in images]
    rows = -(-len(pictures) // columns)
    lines = max((title.count("\n") + 1 for title in titles), default=0) if titles else 0
    height = rows * (size + 0.22 * lines)
    with figure(columns * size, height) as picture:
        tighten(picture)
        axes = picture.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.axis("off")
        for i, (axis, image) in enumerate(zip(axes, pictures, strict=False)):
            show(axis, image, limits)
            if titles:
                axis.set_title(plain_text.for_figure(titles[i]), fontsize=9, loc="center", pad=3)
    return picture


def show(axis, image: np.ndarray, limits: tuple[float, float] | None = None):
    """Draw one image, gray or in color, without axes."""
    low, high = limits or (0, 1)
    if image.ndim == 3:
        image = np.clip((image - low) / (high - low), 0, 1)
    axis.imshow(image, cmap="gray", vmin=low, vmax=high)
    axis.axis("off")


def as_picture(image) -> np.ndarray:
    """Return an image as (height, width) or (height, width, 3); a flattened square is reshaped."""
    image = np.asarray(image, "float32")
    if image.ndim == 1 and int(image.size**0.5) ** 2 == image.size:
        image = image.reshape(int(image.size**0.5), -1)
    return image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
