"""How many modes of the data a generator covers."""

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.metrics.base import refuse_weights
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class ModesCovered(keras.metrics.Metric):
    """Number of modes that samples cover; or, with `quality`, the fraction of good samples.

        mode k is covered:  mean_i [ |x_i - c_k| < radius ] >= fraction

    Args:
        centers: array (modes, width), the center c_k of each mode.
        radius: float, the distance from a center within which a sample belongs to its mode.
        fraction: float, the fraction of all samples that a covered mode must have, in [0, 1].
        quality: bool, whether to return the fraction of samples that belong to any mode; by default
            the number of covered modes.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = ModesCovered([[0.0], [5.0]], radius=0.5)
        >>> metric.update_state([[0.0], [0.1], [2.0]])
        >>> float(metric.result())
        1.0
    """

    def __init__(
        self,
        centers: ArrayLike,
        radius: float,
        fraction: float = 0.01,
        quality: bool = False,
        name: str = "modes_covered",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.numbers(above=0, radius=radius)
        checks.fractions(one=True, fraction=fraction)
        checks.flags(quality=quality)
        checks.model_options(name=name, dtype=dtype)
        self.centers = _centers(centers)
        super().__init__(dtype, name)
        self.radius, self.fraction, self.quality = float(radius), float(fraction), bool(quality)
        self.near = self.add_variable((len(self.centers),), "zeros", "float64", name="near")
        self.near_any = self.add_variable((), "zeros", "float64", name="near_any")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, samples, y_pred=None, sample_weight=None):
        """Add samples (batch, width).

        Keras passes targets first: if there is a second argument, the first is ignored.
        """
        refuse_weights(self, sample_weight)
        samples = ops.cast(samples if y_pred is None else y_pred, "float32")
        checks.shaped(self, samples.shape, (None, self.centers.shape[1]))
        distances = ops.norm(samples[:, None] - self.centers, axis=-1)  # (batch, modes)
        near = ops.cast(distances < self.radius, "float64")
        self.near.assign_add(ops.sum(near, axis=0))
        self.near_any.assign_add(ops.sum(ops.max(near, axis=1)))
        self.count.assign_add(ops.cast(ops.shape(samples)[0], "float64"))

    def result(self):
        """Return the number of covered modes, or the fraction of good samples."""
        count = ops.maximum(self.count, 1.0)
        if self.quality:
            return ops.cast(self.near_any / count, self.dtype)
        covered = ops.cast(self.near / count >= self.fraction, "float64")
        return ops.cast(ops.sum(covered), self.dtype)

    def get_config(self):
        own = {"centers": self.centers.tolist(), "radius": self.radius, "fraction": self.fraction}
        return {**super().get_config(), **own, "quality": self.quality}


def _centers(centers):
    checks.arrays(centers=centers)
    found = np.asarray(centers, "float32")
    if found.ndim != 2:
        raise InvalidInput("value for argument `centers`", "shape (modes, width)", found.shape)
    checks.check("centers", centers, bool(np.isfinite(found).all()), "finite numbers")
    return found
