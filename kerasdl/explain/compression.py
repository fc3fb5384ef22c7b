"""Pictures of what compression costs and gains."""

from kerasdl.errors import InvalidInput
from kerasdl.explain import style


def trade_off(rows: list[dict], max_drop: float = 0.0):
    """Zipped size against accuracy, a point for each file; left and up is better.

    Args:
        rows: A dict for each file with "method", "zip_kB" and "accuracy", the float file first.
        max_drop: Accuracy that may be lost against the float file: above the line is allowed.
    """
    if not rows:
        raise InvalidInput("files to draw", "at least one", "none")
    from matplotlib.ticker import LogLocator, NullLocator

    floor = rows[0]["accuracy"] - max_drop
    allowed = [row for row in rows if row["accuracy"] >= floor]
    best = min(allowed, key=lambda row: row["zip_kB"])
    with style.figure(6.5, 4) as picture:
        axis = picture.subplots()
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
            colour = style.ORANGE if row is best else style.BLUE if row in allowed else "#b0b5bd"
            axis.plot(row["zip_kB"], row["accuracy"], "o", color=colour, markersize=7)
        _name(axis, rows)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter("{x:.2%}")
        axis.margins(0.12, 0.15)
        axis.set(xlabel="zipped size, kB", title="accuracy on the test data")
    return picture


def _name(axis, rows):
    """Names beside the points, below where a near one has its name above."""
    heights = [row["accuracy"] for row in rows]
    line = 0.06 * (max(heights) - min(heights)) or 0.01
    placed = []
    for row in sorted(rows, key=lambda row: (row["zip_kB"], row["accuracy"])):
        x, y = row["zip_kB"], row["accuracy"]
        near = sum(abs(x / a - 1) < 0.35 and abs(y - b) < line for a, b in placed)
        side = (7, 4) if near % 2 == 0 else (7, -11)
        axis.annotate(row["method"], (x, y), xytext=side, textcoords="offset points", fontsize=9)
        placed.append((x, y))
