"""Which classes a network takes for which, epoch after epoch."""

import numpy as np
import tensorflow as tf

from kerasdl.callbacks.epoch_ends import EpochEnds


class ConfusionByEpoch(EpochEnds):
    """The confusion matrix of a data set at ends of epochs.

    Args:
        data: A `tf.data.Dataset` of (inputs, labels), labels as integers.
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
        self.classes = list(range(classes)) if isinstance(classes, int) else list(classes)
        self.matrices = []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        # Keras's `predict_on_batch` answers once for each device
        self.says = tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)

    def look(self, epoch):
        count = len(self.classes)
        matrix = np.zeros((count, count), int)
        for inputs, labels in self.data:
            said = np.argmax(self.says(inputs), axis=-1)
            np.add.at(matrix, (np.asarray(labels).reshape(-1), said), 1)
        self.matrices.append(matrix)
        if self.board.folder is not None:
            self.board.figure("confusion", self.figure([epoch]), epoch)

    def figure(self, epochs=None):
        """The matrices of some epochs beside each other; by default of five, from first to last."""
        import matplotlib.pyplot as plt

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
