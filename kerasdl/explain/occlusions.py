"""Occlusion maps: how much an output falls when parts of an image are hidden."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import tracing
from kerasdl.formulas import attributions
from kerasdl.utils import checks


def occlusion(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    window: int | None = None,
    stride: int | None = None,
    value: float = 0.0,
) -> np.ndarray:
    """Return for each pixel how much an output falls when a window that covers it is hidden.

    Args:
        model: `keras.Model` from images to logits (batch, classes); any network will do, because no
            gradients are taken.
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        window: int, side of the windows; by default an eighth of the shorter side, at least 2.
        stride: int, distance between neighboring windows, at most `window`; by default half of it.
            The model runs once for each window.
        value: float, of hidden pixels.

    Returns:
        Array (number, height, width), the mean over all windows that cover a pixel. It is negative
        where the output rises.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> occlusion(model, np.ones((2, 8, 8, 1)), window=2).shape
        (2, 8, 8)

    Reference: Zeiler, Fergus (2014), Visualizing and Understanding Convolutional Networks.
    """
    checks.arrays(images=images)
    checks.numbers(value=value)
    images = np.asarray(images, "float32")
    shorter = min(images.shape[1:3], default=1)
    window = max(2, shorter // 8) if window is None else window
    checks.integers(window=window)
    stride = max(1, window // 2) if stride is None else stride
    checks.integers(stride=stride, below=window + 1)
    if window > shorter:
        raise InvalidInput("value for argument `window`", f"at most {shorter}", window)
    chosen = tracing.outputs(model, images, targets).targets

    def output(hidden):
        return tracing.outputs(model, hidden, chosen).values

    found = attributions.occlusion(output, images, window, stride, value)
    return found.astype("float32")
