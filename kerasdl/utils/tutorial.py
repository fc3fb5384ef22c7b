"""Run, show and draw the sections of a tutorial.

A tutorial is a script of percent cells. Each section is a function `section(fast=False)` that
computes and prints results, checks them and returns its figures. The cell below it calls
`show(section)`, which displays these figures in an editor and does nothing in a script; `main`
calls `run`, which saves them. The rest of this module draws plots, so that tutorials need little
code for them: panels, curves, bars, matrices and planes, with named axes and a color per class.
"""

import atexit
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

# the color of class 0, 1, 2, ... in every tutorial
CLASSES = plt.get_cmap("tab10").colors
# from a certain class 0 through white to a certain class 1
BETWEEN = LinearSegmentedColormap.from_list("classes", [CLASSES[0], "white", CLASSES[1]])


def in_editor() -> bool:
    """Return whether the code runs in a notebook or in percent cells of an editor."""
    return "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None


def show(section: Callable) -> None:
    """Run a section in full and display its figures below the cell; do nothing in a script.

    Args:
        section: A function `section(fast=False)` that returns a figure, a dict of figures or None.
    """
    if in_editor():
        from IPython.display import display

        for figure in _figures(section, fast=False).values():
            display(figure)
        plt.close("all")


def run(*sections: Callable, fast: bool, out: pathlib.Path) -> None:
    """Run sections in order and save their figures as `out/NAME.png`.

    Args:
        sections: Functions `section(fast=False)`. A single figure gets the function's name; a dict
            gives several figures their names.
        fast: bool, passed to each section: True for a small and short run, for a test.
        out: Folder for the figures; made if it is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for name, figure in _figures(section, fast).items():
            figure.savefig(out / f"{name}.png", dpi=120)
        plt.close("all")
    print(f"figures in {out}")


def _figures(section, fast):
    made = section(fast=fast)
    return made if isinstance(made, dict) else {section.__name__: made} if made else {}


def scratch() -> pathlib.Path:
    """Return a new folder for temporary files, which is deleted when the program ends."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return pathlib.Path(folder)


def arrays(dataset):
    """Return all elements of a batched `tf.data.Dataset` as a tuple of arrays, such as (x, y)."""
    parts = zip(*dataset.as_numpy_iterator(), strict=True)
    return tuple(np.concatenate(part) for part in parts)


def panels(rows: int = 1, columns: int = 1, *, title: str = "", size=(4.2, 3.6), **options):
    """Make a figure with a grid of axes that do not overlap.

    Args:
        rows, columns: int, the grid.
        title: str above all panels.
        size: (width, height) of one panel, in inches.
        **options: As in `plt.subplots`, such as `sharey=True`.

    Returns: the figure, and one axes object or an array of them, as `plt.subplots` gives.
    """
    figure, axes = plt.subplots(
        rows, columns, figsize=(size[0] * columns, size[1] * rows), layout="constrained", **options
    )
    figure.suptitle(title or None)
    return figure, axes


def lines(axes, curves: Mapping, x=None, *, xlabel: str, ylabel: str, title: str = "", **options):
    """Draw named curves over one x.

    Args:
        axes: Where to draw.
        curves: name -> values, or name -> (x, values) where the curves have different x. A name
            that begins with "_" gets no entry in the legend.
        x: Values along x; by default 0, 1, 2, ...
        xlabel, ylabel, title: str.
        **options: As in `axes.plot`, for all curves.
    """
    for name, values in curves.items():
        own_x = isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]) == 1
        along = (np.arange(len(values)) if x is None else x, values)
        axes.plot(*(values if own_x else along), label=name, **options)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if any(not str(name).startswith("_") for name in curves):
        axes.legend(fontsize=8)


def bars(axes, values: Mapping, *, xlabel: str, ylabel: str, title: str = "", form="{:.2f}", **kw):
    """Draw a bar with its number for each named value.

    Args:
        axes: Where to draw.
        values: name -> number.
        xlabel, ylabel, title: str.
        form: str, the format of the numbers above the bars.
        **kw: As in `axes.bar`.
    """
    drawn = axes.bar([str(name) for name in values], list(values.values()), **kw)
    axes.bar_label(drawn, [form.format(value) for value in values.values()], fontsize=8)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.margins(y=0.12)


def matrix(axes, values, *, title: str = "", xlabel="", ylabel="", form="{:.2f}", limit=None):
    """Draw a matrix as colored cells with the numbers in them: red above 0, blue below.

    Args:
        axes: Where to draw.
        values: (rows, columns).
        title, xlabel, ylabel: str.
        form: str, the format of a number; "" writes none.
        limit: float, the absolute value with the deepest color; by default the largest.
    """
    values = np.asarray(values)
    limit = limit or np.abs(values).max() or 1
    axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.8)
    for (row, column), value in np.ndenumerate(values) if form else ():
        axes.text(column, row, form.format(value), ha="center", va="center", fontsize=9)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, xticks=[], yticks=[])


def plane(
    axes,
    answer: Callable,
    points,
    labels: Sequence[int],
    *,
    box: tuple[float, float] = (-0.5, 1.5),
    xlabel: str = "x1",
    ylabel: str = "x2",
    title: str = "",
    size: float = 120,
):
    """Draw the predictions of a two-class model in the plane, and the examples on top.

    Args:
        axes: Where to draw.
        answer: Function from points (number, 2) to probabilities of class 1; None draws no areas.
        points: (number, 2) examples.
        labels: The class of each example, which determines its color (`CLASSES`).
        box: (low, high) of both axes.
        xlabel, ylabel, title: str.
        size: float, area of an example's dot.
    """
    if answer is not None:
        grid = np.linspace(*box, 201)
        everywhere = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
        values = np.asarray(answer(everywhere)).reshape(201, 201)
        area = {"extent": (*box, *box), "origin": "lower", "vmin": 0, "vmax": 1}
        axes.imshow(values, cmap=BETWEEN, alpha=0.6, **area)
    colors = [CLASSES[int(label)] for label in np.ravel(labels)]
    axes.scatter(*np.transpose(points), c=colors, s=size, edgecolors="black", zorder=3)
    axes.set(xlim=box, ylim=box, aspect="equal", xlabel=xlabel, ylabel=ylabel, title=title)
