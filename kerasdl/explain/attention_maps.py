"""Figures of attention weights."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attention(
    maps: ArrayLike, queries: Sequence[str] | None = None, keys: Sequence[str] | None = None
) -> "Figure":
    """Plot attention weights, a panel for each head.

    Each row shows to which positions its token attends; a row sums to one.

    Args:
        maps: array (heads, time, source), as `SelfAttention.attention_map` returns for one example.
        queries: tokens of the rows, such as words; by default the rows have no labels.
        keys: tokens of the columns; by default those of the rows.

    Returns:
        A matplotlib figure.

    Example:
        >>> len(attention(np.full((2, 3, 3), 1 / 3), ["a", "b", "c"]).axes)
        2
    """
    checks.arrays(maps=maps)
    maps = np.asarray(maps, "float32")
    if maps.ndim != 3 or not maps.size:
        raise InvalidInput("attention maps", "shape (heads, time, source)", maps.shape)
    keys = queries if keys is None else keys
    for names, count in ((queries, maps.shape[1]), (keys, maps.shape[2])):
        if names is not None and len(names) != count:
            raise InvalidInput("tokens", f"one for each of {count} positions", len(names))
    rows_of_text = (() if names is None else names for names in (queries, keys))
    queries, keys = ([*map(plain_text.for_figure, names)] for names in rows_of_text)
    columns = min(len(maps), 4)
    rows = math.ceil(len(maps) / columns)
    with style.figure(3 * columns, 3 * rows) as figure:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[len(maps) :]:
            axis.axis("off")
        for head, (axis, weights) in enumerate(zip(axes, maps, strict=False), 1):
            axis.imshow(weights, cmap="Blues", vmin=0, vmax=1)
            axis.set_title(f"head {head}", fontsize=9)
            axis.grid(False)
            axis.set_xticks(range(len(keys)), keys, rotation=90, fontsize=8)
            axis.set_yticks(range(len(queries)), queries, fontsize=8)
    return figure
