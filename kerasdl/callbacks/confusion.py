"""Which classes a network takes for which, epoch after epoch."""

import keras
import numpy as np

from kerasdl.callbacks.board import Board


class ConfusionByEpoch(keras.callbacks.Callback):
    """The confusion matrix of a data set at the end of every epoch.

    Args:
        data: A `tf.data.Dataset` of (inputs, labels), labels as integers.
        classes: Names of the classes, or their number.
        log_dir: A folder for TensorBoard; `None` for none.

    Attributes:
        matrices: For each epoch (classes, classes): rows are right, columns are said.

    Spec: DBG-20
    """

    def __init__(self, data, classes, log_dir=None):
        super().__init__()
        self.data = data
        self.classes = list(range(classes)) if isinstance(classes, int) else list(classes)
        self.board = Board(log_dir)
        self.matrices = []

    def on_epoch_end(self, epoch, logs=None):
        count = len(self.classes)
        matrix = np.zeros((count, count), int)
        for inputs, labels in self.data:
            said = np.argmax(self.model.predict_on_batch(inputs), axis=-1)
            np.add.at(matrix, (np.asarray(labels).reshape(-1), said), 1)
        self.matrices.append(matrix)
        if self.board.folder is not None:
            self.board.picture("confusion", self.figure([len(self.matrices) - 1]), epoch)

    def on_train_end(self, logs=None):
        self.board.close()

    def figure(self, epochs=None):
        """The matrices of some epochs beside each other; by default of five, from first to last."""
        import matplotlib.pyplot as plt

        if epochs is None:
            last = len(self.matrices) - 1
            epochs = sorted({round(last * i / 4) for i in range(5)})
        figure, axes = plt.subplots(
            1, len(epochs), figsize=(3 * len(epochs), 3.2), layout="constrained", squeeze=False
        )
        for axis, epoch in zip(axes[0], epochs, strict=True):
            matrix = self.matrices[epoch]
            axis.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Blues")
            right = np.trace(matrix) / max(matrix.sum(), 1)
            axis.set(title=f"epoch {epoch + 1}: {right:.1%}", xlabel="said")
            ticks = range(len(self.classes))
            axis.set_xticks(ticks, self.classes, fontsize=7, rotation=90)
            axis.set_yticks(ticks, self.classes, fontsize=7)
        axes[0, 0].set(ylabel="right")
        return figure
