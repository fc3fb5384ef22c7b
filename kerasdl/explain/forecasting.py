"""Figures of forecasts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl import errors
from kerasdl.explain import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def forecasts(history: ArrayLike, truth: ArrayLike, answers: Mapping[str, ArrayLike]) -> "Figure":
    """Plot the values before some forecasts, the forecasts, and what came true.

    Args:
        history: (forecasts, window), the values that each forecast saw.
        truth: (forecasts, horizon), the values that followed.
        answers: dict, by name of a model its forecasts, (forecasts, horizon).

    Returns:
        A matplotlib figure with a panel for each forecast.

    Example:
        >>> import numpy as np
        >>> picture = forecasts(np.zeros((2, 9)), np.ones((2, 3)), {"naive": np.zeros((2, 3))})
        >>> len(picture.axes)
        2
    """
    seen, followed = np.asarray(history, "float64"), np.asarray(truth, "float64")
    parts = {name: np.asarray(part, "float64") for name, part in answers.items()}
    holds = seen.ndim == followed.ndim == 2 and len(seen) == len(followed) > 0
    if not holds or any(part.shape != followed.shape for part in parts.values()):
        expected = "(forecasts, window), and (forecasts, horizon) of truth and answers"
        shapes = ", ".join(str(part.shape) for part in (seen, followed, *parts.values()))
        raise errors.InvalidInput("arrays of forecasts", expected, shapes)
    window, horizon = seen.shape[1], followed.shape[1]
    steps = np.arange(1, horizon + 1)
    with style.figure(7, 2.1 * len(seen)) as picture:
        axes = picture.subplots(len(seen), 1, squeeze=False).ravel()
        for i, axis in enumerate(axes):
            # the past is shown for as long as three horizons
            shown = min(window, 3 * horizon)
            past = np.arange(1 - shown, 1)
            axis.plot(past, seen[i, -shown:], color="#5f6b78")
            axis.plot(steps, followed[i], color="#222222", label="truth")
            for color, (name, part) in zip(style.PALETTE, parts.items(), strict=False):
                axis.plot(steps, part[i], color=color, label=name)
            axis.axvline(0.5, color="#b8bcc4", linewidth=1)
        axes[0].legend(fontsize=8, loc="upper left")
        axes[-1].set_xlabel("step")
    return picture
