"""Whether a generator makes all that there is."""

import keras
import numpy as np
from keras import ops

from kerasdl import checks
from kerasdl.errors import InvalidInput
from kerasdl.metrics import weights


@keras.saving.register_keras_serializable(package="kerasdl")
class ModesCovered(keras.metrics.Metric):
    """How many modes get their part of the samples; with `quality`, what share is near any mode.

        mode k is covered:  mean_i [ |x_i - c_k| < radius ] >= share

    Args:
        centres: (modes, width).
        radius: What is near.
        share: Of all samples; so many must be near a mode.
        quality: Give the share of samples near any mode in place of the number of modes.

    Example:
        >>> metric = ModesCovered([[0.0], [5.0]], radius=0.5)
        >>> metric.update_state([[0.0], [0.1], [2.0]])
        >>> float(metric.result())
        1.0
    """

    def __init__(
        self, centres, radius: float, share=0.01, quality=False, name="modes_covered", dtype=None
    ):
        super().__init__(dtype, name)
        checks.arguments(radius=radius, share=share)
        self.centres = np.asarray(centres, "float32")
        if self.centres.ndim != 2:
            shape = self.centres.shape
            raise InvalidInput("value for argument `centres`", "shape (modes, width)", shape)
        self.radius, self.share, self.quality = radius, share, quality
        self.near = self.add_variable((len(self.centres),), "zeros", "float64", name="near")
        self.near_any = self.add_variable((), "zeros", "float64", name="near_any")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, samples, y_pred=None, sample_weight=None):
        """`samples` (batch, width); where Keras gives targets too, the second argument is it."""
        weights.refuse(self, sample_weight)
        samples = ops.cast(samples if y_pred is None else y_pred, "float32")
        checks.shaped(self, samples.shape, (None, self.centres.shape[1]))
        distances = ops.norm(samples[:, None] - self.centres, axis=-1)  # (batch, modes)
        near = ops.cast(distances < self.radius, "float64")
        self.near.assign_add(ops.sum(near, axis=0))
        self.near_any.assign_add(ops.sum(ops.max(near, axis=1)))
        self.count.assign_add(ops.cast(ops.shape(samples)[0], "float64"))

    def result(self):
        count = ops.maximum(self.count, 1.0)
        if self.quality:
            return ops.cast(self.near_any / count, self.dtype)
        return ops.cast(ops.sum(ops.cast(self.near / count >= self.share, "float64")), self.dtype)

    def get_config(self):
        own = {"centres": self.centres.tolist(), "radius": self.radius, "share": self.share}
        return {**super().get_config(), **own, "quality": self.quality}
