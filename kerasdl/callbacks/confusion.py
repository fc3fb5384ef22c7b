"""Which classes a network takes for which, epoch after epoch."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from kerasdl import checks
from kerasdl.callbacks.epoch_ends import EpochEnds
from kerasdl.errors import InvalidInput


class ConfusionByEpoch(EpochEnds):
    """The confusion matrix of a data set at ends of epochs.

    The class is the highest of the model's outputs. A single output stands for two classes: it says
    the second one above a probability of 0.5, or a logit of 0.

    Args:
        data: A `tf.data.Dataset` of (inputs, labels), labels as integers or one-hot; weights, if
            there are any, do not count.
        classes: Names of the classes, or their number.
        every: Epochs from one look to the next; `None` for as many as take little of the time.
        log_dir: A folder for TensorBoard; `None` for none.

    Attributes:
        epochs: Those that were looked at.
        matrices: For each of them (classes, classes): rows are right, columns are said.

    Spec: DBG-20
    """

    def __init__(self, data, classes, every=None, log_dir=None):
        super().__init__(every, log_dir)
        self.data = data
        is_number, _ = checks.POSITIVE
        named = isinstance(classes, Iterable) and not isinstance(classes, str)
        self.classes = list(range(classes) if is_number(classes) else classes if named else ())
        if not self.classes:
            expected = "names of classes or their number"
            raise InvalidInput("value for argument `classes`", expected, repr(classes))
        self.matrices = []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        # Keras's `predict_on_batch` answers once for each device
        self.says = tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)

    def look(self, epoch):
        count = len(self.classes)
        matrix = np.zeros((count, count), int)
        for batch in self.data:
            if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
                received = type(batch).__name__
                raise InvalidInput("batch for ConfusionByEpoch", "(inputs, labels)", received)
            said = _said(self.model, self.says(batch[0]), count)
            np.add.at(matrix, (_right(batch[1], len(said), count), said), 1)
        self.matrices.append(matrix)
        if self.board.folder is not None:
            self.board.figure("confusion", self.figure([epoch]), epoch)

    def figure(self, epochs=None):
        """The matrices of some epochs beside each other; by default of five, from first to last."""
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
            right = np.trace(matrix) / max(matrix.sum(), 1)
            axis.set(title=f"epoch {epoch + 1}: {right:.1%}", xlabel="said")
            ticks = range(len(self.classes))
            axis.set_xticks(ticks, self.classes, fontsize=7, rotation=90)
            axis.set_yticks(ticks, self.classes, fontsize=7)
        axes[0, 0].set(ylabel="right")
        return figure


def _said(model, outputs, count):
    """The class of each example."""
    shapes = [tuple(output.shape) for output in keras.tree.flatten(outputs)]
    single = count == 2 and shapes[0][1:] == (1,)
    if len(shapes) > 1 or len(shapes[0]) != 2 or not (single or 2 <= shapes[0][1] <= count):
        expected = f"one of shape (batch, {count})"
        raise InvalidInput("output of the model for ConfusionByEpoch", expected, shapes)
    outputs = np.asarray(keras.tree.flatten(outputs)[0])
    return (outputs[:, 0] > _threshold(model)).astype(int) if single else outputs.argmax(axis=-1)


def _threshold(model):
    """Above which a single output says the second class."""
    losses = keras.tree.flatten(getattr(model, "loss", None))
    loss = keras.losses.get(losses[0]) if len(losses) == 1 else None
    logits = getattr(loss, "from_logits", None)
    last = model.layers[-1] if model.layers else None
    sigmoid = getattr(last, "activation", None) is keras.activations.sigmoid
    if sigmoid or logits is False or loss is keras.losses.binary_crossentropy:
        return 0.5
    if logits:
        return 0.0
    expected = "a sigmoid in its last layer, or a BinaryCrossentropy that says what it is"
    raise InvalidInput("single output of the model for ConfusionByEpoch", expected, "neither")


def _right(labels, examples, count):
    """Labels as integers."""
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
