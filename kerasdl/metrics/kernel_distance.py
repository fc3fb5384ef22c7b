"""How far two sets of features are apart, without a shape that their distribution must have."""

import keras
from keras import ops

from kerasdl import checks
from kerasdl.errors import InvalidInput
from kerasdl.metrics import weights
from kerasdl.metrics.features import OfFeatures


@keras.saving.register_keras_serializable(package="kerasdl")
class KernelDistance(OfFeatures):
    """The squared maximum mean discrepancy with a cubic kernel, without bias; of Inception's: KID.

        k(x, y) = (x.y / d + 1)^3
        mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    Each batch gives an estimate that is right on average, and so is their mean by examples.

    Args:
        features: A model or layer from images to (batch, width); `None` for features themselves.

    Example:
        >>> metric = KernelDistance()
        >>> metric.update_state([[0.0], [1.0]], [[2.0], [3.0]])
        >>> float(metric.result())
        297.5

    Reference: Binkowski, Sutherland, Arbel, Gretton (2018), Demystifying MMD GANs.
    """

    def __init__(self, features=None, name="kernel_distance", dtype=None):
        super().__init__(features, name, dtype)
        self.total = self.add_variable((), "zeros", "float64", name="total")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        weights.refuse(self, sample_weight)
        x, y = (self._found(images) for images in (y_true, y_pred))
        if x.shape[0] == 1 or y.shape[0] == 1:
            raise InvalidInput("batch for a kernel distance", "at least two examples", "one")
        checks.shaped(self, y.shape, (None, x.shape[1]))
        within = [(ops.sum(k) - ops.trace(k)) / (n * (n - 1)) for k, n in map(_kernel, (x, y))]
        distance = sum(within) - 2 * ops.mean((ops.matmul(x, ops.transpose(y)) + 1) ** 3)
        rows, others = (ops.cast(ops.shape(found)[0], "float64") for found in (x, y))
        # a last batch of one example, which a graph cannot refuse, does not count
        pairs = ops.minimum(rows, others) > 1
        self.total.assign_add(ops.where(pairs, rows * distance, 0.0))
        self.count.assign_add(ops.where(pairs, rows, 0.0))

    def _found(self, images):
        found = self.features_of(images)
        return found / ops.sqrt(ops.cast(found.shape[-1], "float64"))

    def result(self):
        return ops.cast(self.total / ops.maximum(self.count, 1.0), self.dtype)


def _kernel(x):
    rows = ops.cast(ops.shape(x)[0], "float64")
    return (ops.matmul(x, ops.transpose(x)) + 1) ** 3, rows
