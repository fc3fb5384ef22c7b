"""Attention weights: figures of them, and how they add up over the layers of a network."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style, tracing
from kerasdl.formulas import attributions
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


def attention_rollout(model: keras.Model, images: ArrayLike) -> np.ndarray:
    """Return for each pixel how much of its patch reaches the output through all attention layers.

        R = A_L ... A_2 A_1        A_l = (I + mean over the heads of layer l's weights) / 2

    The row of the class token is shown, the mean row of several tokens, or that of all patches if
    there is none. It does not depend on a class: it shows where information may have come from.

    Args:
        model: `keras.Model` of which each attention layer is a `kerasdl.layers.SelfAttention` or
            `keras.layers.MultiHeadAttention` of one sequence: the patches of an image, in rows,
            after any number of tokens.
        images: array (number, height, width, channels).

    Returns:
        Array (number, height, width), not negative; the patches of an image sum to at most one.

    Example:
        >>> import kerasdl
        >>> vit = kerasdl.create_model("vit_tiny")
        >>> attention_rollout(vit, np.ones((2, 28, 28, 1))).shape
        (2, 28, 28)

    Reference: Abnar, Zuidema (2020), Quantifying Attention Flow in Transformers.
    """
    checks.arrays(images=images)
    images = np.asarray(images, "float32")
    weights = tracing.attention(model, images)
    times = {each.shape[-2:] for each in weights}
    if len(times) != 1 or len(set(*times)) != 1:
        expected = "self-attention layers that all read one sequence of patches"
        received = ", ".join(f"{rows} x {columns} weights" for rows, columns in sorted(times))
        raise InvalidInput(f"model `{model.name}`", expected, received or "no attention layer")
    rollout = attributions.attention_rollout(weights)  # batch, time, time
    time, (height, width) = rollout.shape[-1], images.shape[1:3]
    tokens, rows, columns = _grid(time, height / width)
    reached = rollout[:, :tokens] if tokens else rollout
    heat = reached.mean(1)[:, tokens:].reshape(-1, rows, columns, 1)
    return tf.image.resize(heat, (height, width)).numpy()[..., 0]


def _grid(time, ratio):
    """Return the numbers of tokens, rows and columns of a sequence of patches after some tokens."""
    for tokens in range(time):
        columns = round(math.sqrt((time - tokens) / ratio))
        if columns and (time - tokens) % columns == 0:
            rows = (time - tokens) // columns
            if rows == round(columns * ratio):
                return tokens, rows, columns
    raise InvalidInput("sequence of patches", "rows and columns of an image", f"{time} positions")
