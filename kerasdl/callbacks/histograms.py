"""Record how weights and activations are distributed, epoch by epoch."""

import os
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasdl.callbacks.epoch_callback import EpochCallback
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Histograms(EpochCallback):
    """Record histograms of each layer's weights and activations at the end of epochs.

    Args:
        inputs: array or tensor, a batch of inputs for which to record activations; `None` records
            weights alone, as does a model that is not a graph of layers.
        bins: int, the number of bins of each histogram, at most 10,000.
        every: int, epochs from one record to the next; by default (`None`) as many as take little
            of the training time.
        log_dir: path of a folder for TensorBoard events; `None` writes none.

    Attributes:
        epochs: list, the recorded epochs.
        found: dict, name of a weight or layer -> a list of (counts, edges), one for each of
            `epochs`.
        broken: list, names of those that contained a NaN or an infinity.
    """

    def __init__(
        self,
        inputs: ArrayLike | Tensor | None = None,
        bins: int = 40,
        every: int | None = None,
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__(every, log_dir)
        checks.integers(bins=bins, limit=10_000)
        checks.arrays(inputs=inputs, optional=True)
        self.inputs, self.bins = inputs, bins
        self.found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self.broken: list[str] = []

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.activations = None
        if self.inputs is not None and getattr(self.model, "inputs", None):
            layers = [x for x in self.model.layers if x.weights or _is_activation(x)]
            self.names = [f"{layer.name}/output" for layer in layers]
            outputs = [keras.tree.flatten(layer.output)[0] for layer in layers]
            several = len(self.model.inputs) > 1
            inputs = self.model.inputs if several else self.model.inputs[0]
            self.activations = tf.function(keras.Model(inputs, outputs)) if outputs else None

    def record(self, epoch):
        values = {w.path: np.array(w) for w in self.model.trainable_weights if len(w.shape) > 1}
        if self.activations:
            outputs = keras.tree.flatten(self.activations(self.inputs, training=False))
            values |= dict(zip(self.names, map(np.asarray, outputs), strict=True))
        with self.events.at(epoch):
            for name, array in values.items():
                if not np.isfinite(array).all():
                    self.broken.append(name)
                    array = array[np.isfinite(array)]
                self.found.setdefault(name, []).append(np.histogram(array, self.bins))
                tf.summary.histogram(name, array)

    def figure(self, names: list[str] | None = None) -> "Figure":
        """Plot values over recorded epochs, a panel for each name; darker is more frequent."""
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
                centers = (edges[1:] + edges[:-1]) / 2
                image.append(np.interp(grid, centers, counts / max(counts.sum(), 1), 0, 0))
            extent = (0.5, len(image) + 0.5, low, high)
            axis.imshow(
                np.array(image).T, aspect="auto", origin="lower", extent=extent, cmap="Blues"
            )
            axis.set_title(name, fontsize=8)
        for axis in axes.ravel()[len(names) :]:
            axis.axis("off")
        figure.supxlabel("recorded epoch")
        return figure


def _is_activation(layer):
    return isinstance(layer, keras.layers.Activation | keras.layers.ReLU)
