"""Record which classes a network confuses, epoch by epoch."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks.epoch_callback import EpochCallback
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ConfusionByEpoch(EpochCallback):
    """Record the confusion matrix of a dataset at the end of epochs.

    The predicted class is the largest of the model's outputs. A single output stands for two
    classes: the second is predicted above a probability of 0.5, or a logit of 0.

    Args:
        data: `tf.data.Dataset` of (inputs, labels), labels as integers or one-hot. Sample weights
            are ignored.
        classes: the names of the classes, or their number.
        every: int, epochs from one record to the next; by default (`None`) as many as take little
            of the training time.
        log_dir: path of a folder for TensorBoard events; `None` writes none.

    Attributes:
        epochs: list, the recorded epochs.
        matrices: list, for each of them an array (classes, classes): rows are the true classes,
            columns the predicted ones.
    """

    def __init__(
        self,
        data: tf.data.Dataset,
        classes: Iterable[str] | int,
        every: int | None = None,
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__(every, log_dir)
        iterable = isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping))
        checks.check("data", data, iterable, "a dataset of (inputs, labels)")
        self.data = data
        self.classes = _classes(classes)
        self.matrices: list[np.ndarray] = []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        # under MirroredStrategy, `predict_on_batch` returns one result for each replica
        self.predict = tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)

    def record(self, epoch):
        count = len(self.classes)
        matrix = np.zeros((count, count), int)
        for batch in self.data:
            if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
                received = type(batch).__name__
                raise InvalidInput("batch for ConfusionByEpoch", "(inputs, labels)", received)
            predicted = _predicted(self.model, self.predict(batch[0]), count)
            np.add.at(matrix, (_true(batch[1], len(predicted), count), predicted), 1)
        self.matrices.append(matrix)
        if self.events.folder is not None:
            self.events.figure("confusion", self.figure([epoch]), epoch)

    def figure(self, epochs: list[int] | None = None) -> "Figure":
        """Plot the matrices of epochs side by side; by default of five, from first to last."""
        import matplotlib.pyplot as plt

        if not self.epochs:
            raise InvalidInput("matrices to show", "at least one", "none so far")
        if epochs is None:
            last = len(self.epochs) - 1
            epochs = [self.epochs[i] for i in sorted({round(last * i / 4) for i in range(5)})]
        figure, axes = plt.subplots(
            1, len(epochs), figsize=(3 * len(epochs), 3.2), layout="constrained", squeeze=False
        )
        for axis, epoch in zip(axes[0], epochs, strict=True):
            matrix = self.matrices[self.epochs.index(epoch)]
            axis.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Blues")
            accuracy = np.trace(matrix) / max(matrix.sum(), 1)
            axis.set(title=f"epoch {epoch + 1}: {accuracy:.1%}", xlabel="predicted")
            ticks = range(len(self.classes))
            axis.set_xticks(ticks, self.classes, fontsize=7, rotation=90)
            axis.set_yticks(ticks, self.classes, fontsize=7)
        axes[0, 0].set(ylabel="true")
        return figure


def _classes(given) -> list[str] | list[int]:
    """Names or numbers of classes, whose matrix of counts fits into memory."""
    found: list[Any] = []
    if checks.is_integer(given):
        checks.memory(8 * int(given) ** 2, classes=given)
        found = list(range(given))
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping)):
        found = list(given)
    named = all(isinstance(name, str) or checks.is_integer(name, 0) for name in found)
    checks.check("classes", given, named and bool(found), "names of classes or their number")
    return found


def _predicted(model, outputs, count):
    """The predicted class of each example."""
    shapes = [tuple(output.shape) for output in keras.tree.flatten(outputs)]
    single = count == 2 and shapes[0][1:] == (1,)
    if len(shapes) > 1 or len(shapes[0]) != 2 or not (single or 2 <= shapes[0][1] <= count):
        expected = f"one of shape (batch, {count})"
        raise InvalidInput("output of the model for ConfusionByEpoch", expected, shapes)
    outputs = np.asarray(keras.tree.flatten(outputs)[0])
    return (outputs[:, 0] > _threshold(model)).astype(int) if single else outputs.argmax(axis=-1)


def _threshold(model):
    """The value above which a single output predicts the second class."""
    losses = keras.tree.flatten(getattr(model, "loss", None))
    loss = keras.losses.get(losses[0]) if len(losses) == 1 else None
    logits = getattr(loss, "from_logits", None)
    last = model.layers[-1] if model.layers else None
    sigmoid = getattr(last, "activation", None) is keras.activations.sigmoid
    if sigmoid or logits is False or loss is keras.losses.binary_crossentropy:
        return 0.5
    if logits:
        return 0.0
    expected = "a sigmoid in its last layer, or a BinaryCrossentropy with `from_logits`"
    raise InvalidInput("single output of the model for ConfusionByEpoch", expected, "neither")


def _true(labels, examples, count):
    """Labels as class numbers."""
    labels = np.asarray(labels)
    if labels.shape == (examples, count):
        labels = labels.argmax(axis=-1)
    if labels.shape not in ((examples,), (examples, 1)):
        expected = "an integer for each example, or one-hot"
        raise InvalidInput("labels for ConfusionByEpoch", expected, f"shape {labels.shape}")
    known = np.isin(labels, range(count))
    if not known.all():
        received = labels[~known][0]
        raise InvalidInput("labels", f"integers from 0 to {count - 1}", received)
    return labels.reshape(-1).astype(int)
