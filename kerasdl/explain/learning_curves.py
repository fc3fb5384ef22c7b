"""Figures of learning curves."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(history: Mapping[str, list]) -> "Figure":
    """Plot loss and metrics by epoch, training and validation in one panel for each.

    The gap between the two lines shows overfitting.

    Args:
        history: a `keras.callbacks.History`, or its `.history`: a list of one number per epoch for
            each metric.

    Returns:
        A matplotlib figure.

    Example:
        >>> len(curves({"loss": [2.0, 1.0], "val_loss": [2.1, 1.5], "accuracy": [0.3, 0.6]}).axes)
        2
    """
    history = getattr(history, "history", history)
    expected = "a dict of a list of numbers for each metric"
    checks.check("history", history, isinstance(history, Mapping), expected)
    if not history or not any(len(values) for values in history.values()):
        raise InvalidInput("training history", "at least one epoch", "none")
    names = [n for n in history if not n.startswith("val_") and n != "learning_rate"]
    names.sort(key=lambda name: name != "loss")  # the loss first, metrics in their order
    columns = min(len(names), 3)
    rows = math.ceil(len(names) / columns)
    with style.figure(4 * columns if columns > 1 else 5.5, 3 * rows) as figure:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, name in zip(axes, names, strict=False):
            _curve(axis, history, name)
        for axis in axes[len(names) :]:
            axis.axis("off")
    return figure


def _curve(axis, history, name):
    from matplotlib.ticker import MaxNLocator

    for key, label, color in (
        (name, "Train", style.BLUE),
        (f"val_{name}", "Validation", style.ORANGE),
    ):
        if key in history:
            values = np.asarray(history[key], "float64")
            epochs = np.arange(1, len(values) + 1)
            marker = "o" if len(values) <= 20 else None
            axis.plot(epochs, values, color=color, label=label, marker=marker, markersize=3.5)
    axis.set(title=plain_text.for_figure(name.replace("_", " ")), xlabel="epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if f"val_{name}" in history:
        axis.legend()
