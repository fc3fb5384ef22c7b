"""A picture of who looks at whom."""

import math

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.explain import style


def attention(maps, queries=None, keys=None):
    """A panel for each head: a row says where its token looks, and sums to one.

    Args:
        maps: (heads, time, source), as `SelfAttention.attention_map` gives for one example.
        queries: What stands at each row, such as words.
        keys: What stands at each column; by default the same.

    Spec: DBG-16
    """
    maps = np.asarray(maps, "float32")
    if maps.ndim != 3 or not maps.size:
        raise InvalidInput("attention maps", "shape (heads, time, source)", maps.shape)
    keys = queries if keys is None else keys
    for names, count in ((queries, maps.shape[1]), (keys, maps.shape[2])):
        if names is not None and len(names) != count:
            raise InvalidInput("tokens", f"one for each of {count} positions", len(names))
    columns = min(len(maps), 4)
    rows = math.ceil(len(maps) / columns)
    with style.figure(3 * columns, 3 * rows) as picture:
        axes = picture.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[len(maps) :]:
            axis.axis("off")
        for head, (axis, weights) in enumerate(zip(axes, maps, strict=False), 1):
            axis.imshow(weights, cmap="Blues", vmin=0, vmax=1)
            axis.set_title(f"head {head}", fontsize=9)
            axis.grid(False)
            axis.set_xticks(range(len(keys or ())), keys or (), rotation=90, fontsize=8)
            axis.set_yticks(range(len(queries or ())), queries or (), fontsize=8)
    return picture
