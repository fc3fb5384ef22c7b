"""Figures of a classifier's correct and wrong predictions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion(
    labels: ArrayLike, predictions: ArrayLike, names: Sequence[str] | None = None
) -> "Figure":
    """Plot a confusion matrix: rows are the true classes, columns the predicted ones.

    Args:
        labels: integers (number,), the true classes.
        predictions: integers (number,), the predicted classes; or probabilities or logits (number,
            classes).
        names: names of the classes; by default their numbers.

    Returns:
        A matplotlib figure.

    Example:
        >>> figure = confusion([0, 1, 1], [0, 1, 0], ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].get_xticklabels()]
        ['cat', 'dog']
    """
    checks.arrays(labels=labels, predictions=predictions)
    true, guesses = np.asarray(labels).ravel(), np.asarray(predictions)
    if guesses.ndim == 2:
        guesses = guesses.argmax(-1)
    if len(true) != len(guesses) or not len(true):
        raise InvalidInput("predictions", f"one for each of {len(true)} labels", len(guesses))
    count = len(names) if names else int(max(true.max(), guesses.max())) + 1
    for numbers in (true, guesses):
        if not np.isin(numbers, range(count)).all():
            received = numbers[~np.isin(numbers, range(count))][0]
            raise InvalidInput("classes", f"integers from 0 to {count - 1}", received)
    names = [plain_text.for_figure(name) for name in names or range(count)]
    true, guesses = true.astype(int), guesses.astype(int)
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (true, guesses), 1)
    fractions = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    longest = max(map(len, names))
    side = max(3.2, 0.42 * count + 1.2 + 0.07 * longest)
    with style.figure(side, side) as figure:
        axis = figure.subplots()
        axis.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
        # with more classes the numbers would be too small to read
        for row, column in zip(*np.nonzero(matrix), strict=True) if count <= 30 else ():
            color = "white" if fractions[row, column] > 0.5 else "#333333"
            axis.text(
                int(column),
                int(row),
                matrix[row, column],
                ha="center",
                va="center",
                color=color,
                fontsize=9,
            )
        accuracy = np.trace(matrix) / matrix.sum()
        axis.set(xlabel="predicted", ylabel="true", title=f"accuracy {accuracy:.1%}")
        axis.set_xticks(range(count), names, rotation=0 if longest <= 2 else 45)
        axis.set_yticks(range(count), names)
        axis.grid(False)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
    return figure


def predictions(
    images: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    names: Sequence[str] | None = None,
    count: int = 12,
) -> "Figure":
    """Plot the most confident mistakes, or the least confident predictions if there are none.

    Confident mistakes tell most about the model, and often about wrong labels.

    Args:
        images: array (number, height, width, channels) in [0, 1].
        labels: integers (number,), the true classes.
        probabilities: array (number, classes).
        names: names of the classes; by default their numbers.
        count: int, the largest number of images.

    Returns:
        A matplotlib figure.

    Example:
        >>> images = np.zeros((2, 8, 8, 1))
        >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> figure = predictions(images, [0, 0], probabilities, ["cat", "dog"])
        >>> len(figure.axes)
        1
    """
    checks.arrays(images=images, labels=labels, probabilities=probabilities)
    checks.integers(count=count)
    images, labels = np.asarray(images), np.asarray(labels).ravel()
    probabilities = np.asarray(probabilities)
    if not len(images) == len(labels) == len(probabilities) or not len(images):
        received = f"{len(images)}, {len(labels)} and {len(probabilities)}"
        raise InvalidInput("predictions", "equally many images, labels and probabilities", received)
    shown = names or range(probabilities.shape[-1])
    guesses, confidence = probabilities.argmax(-1), probabilities.max(-1)
    wrong = np.nonzero(guesses != labels)[0]
    if len(wrong):
        chosen = wrong[np.argsort(-confidence[wrong])][:count]
    else:
        chosen = np.argsort(confidence)[:count]
    titles = [
        f"predicted {shown[guesses[i]]} {confidence[i]:.0%}\n"
        + (f"true {shown[labels[i]]}" if guesses[i] != labels[i] else "correct")
        for i in chosen
    ]
    return style.image_grid(images[chosen], min(len(chosen), 6), titles, size=1.3)
