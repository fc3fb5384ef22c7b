"""Figures of the trade-off between a compressed model's size and accuracy."""

from typing import TYPE_CHECKING

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trade_off(rows: list[dict], max_drop: float = 0.0) -> "Figure":
    """Plot accuracy over zipped size, a point for each file; the upper left is best.

    Args:
        rows: a dict for each file with "method", "zip_kB" and "accuracy"; the float file first.
        max_drop: float, the accuracy that may be lost against the float file. A line marks it, and
            the smallest file above the line is highlighted.

    Returns:
        A matplotlib figure.

    Example:
        >>> rows = [{"method": "float", "zip_kB": 40.0, "accuracy": 0.9}]
        >>> rows += [{"method": "int8", "zip_kB": 12.0, "accuracy": 0.89}]
        >>> figure = trade_off(rows, max_drop=0.02)
        >>> len(figure.axes)
        1
    """
    checks.fractions(one=True, max_drop=max_drop)
    if not rows:
        raise InvalidInput("files to draw", "at least one", "none")
    from matplotlib.ticker import LogLocator, NullLocator

    floor = rows[0]["accuracy"] - max_drop
    allowed = [row for row in rows if row["accuracy"] >= floor]
    best = min(allowed, key=lambda row: row["zip_kB"])
    with style.figure(6.5, 4) as figure:
        axis = figure.subplots()
        axis.axhline(floor, color="#999999", linewidth=1, linestyle=(0, (4, 3)))
        axis.annotate(
            f"{max_drop:.1%} below float",
            (1, floor),
            xycoords=("axes fraction", "data"),
            xytext=(0, -3),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color="#777777",
        )
        for row in rows:
            color = style.ORANGE if row is best else style.BLUE if row in allowed else "#b0b5bd"
            axis.plot(row["zip_kB"], row["accuracy"], "o", color=color, markersize=7)
        _name(axis, rows)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter("{x:.2%}")
        axis.margins(0.12, 0.15)
        axis.set(xlabel="zipped size, kB", title="accuracy on the test data")
    return figure


def _name(axis, rows):
    """Write names at the points; below a point if a near one has its name above."""
    heights = [row["accuracy"] for row in rows]
    line = 0.06 * (max(heights) - min(heights)) or 0.01
    placed = []
    for row in sorted(rows, key=lambda row: (row["zip_kB"], row["accuracy"])):
        x, y = row["zip_kB"], row["accuracy"]
        near = sum(abs(x / a - 1) < 0.35 and abs(y - b) < line for a, b in placed)
        side = (7, 4) if near % 2 == 0 else (7, -11)
        axis.annotate(row["method"], (x, y), xytext=side, textcoords="offset points", fontsize=9)
        placed.append((x, y))
