"""How weights and activations are spread, epoch by epoch."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl import checks
from kerasdl.callbacks.epoch_ends import EpochEnds
from kerasdl.errors import InvalidInput


class Histograms(EpochEnds):
    """Histograms of each layer's kernel, and of its outputs for some inputs, at ends of epochs.

    Args:
        inputs: Some of the model's, for activations; `None` for weights alone. A model that is no
            graph of layers shows its weights only.
        bins: Of each histogram.
        every: Epochs from one look to the next; `None` for as many as take little of the time.
        log_dir: A folder for TensorBoard; `None` for none.

    Attributes:
        epochs: Those that were looked at.
        found: Name -> a list of (counts, edges), one for each of `epochs`.
        broken: Names of what held a NaN or an infinity.

    Spec: DBG-09
    """

    def __init__(self, inputs=None, bins=40, every=None, log_dir=None):
        super().__init__(every, log_dir)
        checks.arguments(bins=bins)
        self.inputs, self.bins = inputs, bins
        self.found, self.broken = {}, []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.watched = None
        if self.inputs is not None and getattr(self.model, "inputs", None):
            layers = [layer for layer in self.model.layers if layer.weights or _bends(layer)]
            self.names = [f"{layer.name}/output" for layer in layers]
            outputs = [keras.tree.flatten(layer.output)[0] for layer in layers]
            several = len(self.model.inputs) > 1
            inputs = self.model.inputs if several else self.model.inputs[0]
            self.watched = tf.function(keras.Model(inputs, outputs)) if outputs else None

    def look(self, epoch):
        values = {w.path: np.array(w) for w in self.model.trainable_weights if len(w.shape) > 1}
        if self.watched:
            outputs = keras.tree.flatten(self.watched(self.inputs, training=False))
            values |= dict(zip(self.names, map(np.asarray, outputs), strict=True))
        with self.board.at(epoch):
            for name, array in values.items():
                if not np.isfinite(array).all():
                    self.broken.append(name)
                    array = array[np.isfinite(array)]
                self.found.setdefault(name, []).append(np.histogram(array, self.bins))
                tf.summary.histogram(name, array)

    def figure(self, names=None):
        """A picture for each name: values upwards, epochs to the right, darker where more are."""
        import matplotlib.pyplot as plt

        names = names or list(self.found)
        if not names:
            raise InvalidInput("histograms to show", "at least one", "none so far")
        columns = min(4, len(names))
        rows = -(-len(names) // columns)
        figure, axes = plt.subplots(
            rows, columns, figsize=(3.2 * columns, 2.4 * rows), layout="constrained", squeeze=False
        )
        for axis, name in zip(axes.ravel(), names, strict=False):
            low = min(edges[0] for _, edges in self.found[name])
            high = max(edges[-1] for _, edges in self.found[name])
            grid = np.linspace(low, high, self.bins)
            image = []
            for counts, edges in self.found[name]:
                centres = (edges[1:] + edges[:-1]) / 2
                image.append(np.interp(grid, centres, counts / max(counts.sum(), 1), 0, 0))
            extent = (0.5, len(image) + 0.5, low, high)
            axis.imshow(
                np.array(image).T, aspect="auto", origin="lower", extent=extent, cmap="Blues"
            )
            axis.set_title(name, fontsize=8)
        for axis in axes.ravel()[len(names) :]:
            axis.axis("off")
        figure.supxlabel("recorded epoch")
        return figure


def _bends(layer):
    return isinstance(layer, keras.layers.Activation | keras.layers.ReLU)
