"""The kernel distance (KID) between features of generated and real images."""

from collections.abc import Callable

import keras
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.metrics.base import FeatureMetric, refuse_weights
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class KernelDistance(FeatureMetric):
    """Unbiased squared maximum mean discrepancy with a cubic kernel.

        k(x, y) = (x.y / d + 1)^3
        mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    With the features of Inception-v3 this is the KID. Unlike the Frechet distance it assumes no
    normal distribution, and its expectation does not depend on the number of images: each batch
    gives an unbiased estimate, and so does their mean, weighted by batch size.

    Args:
        features: model or layer from images to features (batch, width); by default (`None`) the
            metric gets features themselves.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = KernelDistance()
        >>> metric.update_state([[0.0], [1.0]], [[2.0], [3.0]])
        >>> float(metric.result())
        297.5

    Reference: Binkowski, Sutherland, Arbel, Gretton (2018), Demystifying MMD GANs.
    """

    def __init__(
        self,
        features: Callable | None = None,
        name: str = "kernel_distance",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        super().__init__(features, name, dtype)
        self.total = self.add_variable((), "zeros", "float64", name="total")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add real images `y_true` and generated images `y_pred`, or their features.

        A batch of one example has no pairs. It raises if its size is known, and is ignored if not,
        as the last batch of `fit`.
        """
        refuse_weights(self, sample_weight)
        x, y = (self._scaled_features(images) for images in (y_true, y_pred))
        if x.shape[0] == 1 or y.shape[0] == 1:
            raise InvalidInput("batch for KernelDistance", "at least two examples", "one")
        checks.shaped(self, y.shape, (None, x.shape[1]))
        within = [(ops.sum(k) - ops.trace(k)) / (n * (n - 1)) for k, n in map(_kernel, (x, y))]
        distance = sum(within) - 2 * ops.mean((ops.matmul(x, ops.transpose(y)) + 1) ** 3)
        rows, others = (ops.cast(ops.shape(found)[0], "float64") for found in (x, y))
        pairs = ops.minimum(rows, others) > 1
        self.total.assign_add(ops.where(pairs, rows * distance, 0.0))
        self.count.assign_add(ops.where(pairs, rows, 0.0))

    def _scaled_features(self, images):
        # divided by sqrt(d), so that their products are x.y / d
        found = self.features_of(images)
        return found / ops.sqrt(ops.cast(found.shape[-1], "float64"))

    def result(self):
        """Return the squared distance; sampling noise may make it negative."""
        return ops.cast(self.total / ops.maximum(self.count, 1.0), self.dtype)


def _kernel(x):
    rows = ops.cast(ops.shape(x)[0], "float64")
    return (ops.matmul(x, ops.transpose(x)) + 1) ** 3, rows
