"""Pictures of what a classifier gets right and wrong."""

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.explain import style


def confusion(labels, predictions, names=None):
    """How often each class was taken for each: rows are what it is, columns what it was called.

    Args:
        labels: The true class numbers.
        predictions: The predicted class numbers, or a row of probabilities or logits for each.
        names: Name of each class.

    Spec: DBG-20
    """
    labels, predictions = np.asarray(labels).ravel(), np.asarray(predictions)
    if predictions.ndim == 2:
        predictions = predictions.argmax(-1)
    if len(labels) != len(predictions) or not len(labels):
        raise InvalidInput("predictions", f"one for each of {len(labels)} labels", len(predictions))
    count = len(names) if names else int(max(labels.max(), predictions.max())) + 1
    names = [str(name) for name in names or range(count)]
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (labels, predictions), 1)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    longest = max(map(len, names))
    side = max(3.2, 0.42 * count + 1.2 + 0.07 * longest)
    with style.figure(side, side) as picture:
        axis = picture.subplots()
        axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
        # beyond that many classes the numbers are too small to read
        for row, column in zip(*np.nonzero(matrix), strict=True) if count <= 30 else ():
            colour = "white" if share[row, column] > 0.5 else "#333333"
            axis.text(
                column, row, matrix[row, column], ha="center", va="center", color=colour, fontsize=9
            )
        accuracy = np.trace(matrix) / matrix.sum()
        axis.set(xlabel="predicted", ylabel="true", title=f"accuracy {accuracy:.1%}")
        axis.set_xticks(range(count), names, rotation=0 if longest <= 2 else 45)
        axis.set_yticks(range(count), names)
        axis.grid(False)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
    return picture


def predictions(images, labels, probabilities, names=None, count=12):
    """The most confident mistakes, which say most about the model and about the labels.

    Args:
        images: (number, height, width, channels) in [0, 1].
        labels: The true class numbers.
        probabilities: (number, classes).
        names: Name of each class.
        count: How many at most. Without a mistake, the least confident predictions are shown.

    Spec: DBG-20
    """
    images, labels = np.asarray(images), np.asarray(labels).ravel()
    probabilities = np.asarray(probabilities)
    if not len(images) == len(labels) == len(probabilities) or not len(images):
        received = f"{len(images)}, {len(labels)} and {len(probabilities)}"
        raise InvalidInput("predictions", "as many images, labels and probabilities", received)
    names = names or range(probabilities.shape[-1])
    guesses, confidence = probabilities.argmax(-1), probabilities.max(-1)
    wrong = np.nonzero(guesses != labels)[0]
    if len(wrong):
        chosen = wrong[np.argsort(-confidence[wrong])][:count]
    else:
        chosen = np.argsort(confidence)[:count]
    titles = [
        f"said {names[guesses[i]]} {confidence[i]:.0%}\n"
        + (f"is {names[labels[i]]}" if guesses[i] != labels[i] else "right")
        for i in chosen
    ]
    return style.image_grid(images[chosen], min(len(chosen), 6), titles, size=1.3)
