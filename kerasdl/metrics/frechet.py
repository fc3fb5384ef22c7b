"""The Frechet distance between features of generated and real images."""

from collections.abc import Callable

import keras
from keras import ops

from kerasdl.metrics.base import FeatureMetric, refuse_weights
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class FrechetDistance(FeatureMetric):
    """Squared Frechet distance of two normal distributions fitted to features.

        d^2 = |mu - mu'|^2 + Tr(S + S' - 2 (S S')^(1/2))

    With the features of Inception-v3 this is the FID. With another network's features, or none,
    its values can only be compared with each other. Sums are accumulated in float64, and
    covariances are divided by n - 1.

    Args:
        width: int, the number of features.
        features: model or layer from images to features (batch, width); by default (`None`) the
            metric gets features themselves.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = FrechetDistance(2)
        >>> shapes = ops.convert_to_tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]])
        >>> metric.update_state(shapes, shapes + 3.0)
        >>> round(float(metric.result()), 4)  # 3^2 + 3^2: only the mean has moved
        18.0

    Reference: Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter (2017), GANs Trained by a Two
    Time-Scale Update Rule Converge to a Local Nash Equilibrium.
    """

    def __init__(
        self,
        width: int,
        features: Callable | None = None,
        name: str = "frechet_distance",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.integers(width=width)
        checks.memory(2 * 8 * int(width) ** 2, width=width)
        super().__init__(features, name, dtype)
        self.width = int(width)
        self.real, self.generated = self._sums("real"), self._sums("generated")

    def _sums(self, prefix):
        shapes = {"count": (), "sum": (self.width,), "squares": (self.width, self.width)}
        return {
            key: self.add_variable(shape, "zeros", "float64", name=f"{prefix}_{key}")
            for key, shape in shapes.items()
        }

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add real images `y_true` and generated images `y_pred`, or their features."""
        refuse_weights(self, sample_weight)
        for sums, images in ((self.real, y_true), (self.generated, y_pred)):
            found = self.features_of(images, self.width)
            sums["count"].assign_add(ops.cast(ops.shape(found)[0], "float64"))
            sums["sum"].assign_add(ops.sum(found, axis=0))
            sums["squares"].assign_add(ops.matmul(ops.transpose(found), found))

    def result(self):
        """Return the squared distance."""
        (mean, covariance), (other_mean, other) = map(_moments, (self.real, self.generated))
        # S^(1/2) S' S^(1/2) has the eigenvalues of S S' and is symmetric
        values, vectors = ops.eigh(covariance)
        root = vectors * ops.sqrt(ops.maximum(values, 0.0)) @ ops.transpose(vectors)
        products = ops.maximum(ops.eigh(root @ other @ root)[0], 0.0)
        between = ops.sum(ops.square(mean - other_mean))
        distance = between + ops.trace(covariance + other) - 2 * ops.sum(ops.sqrt(products))
        return ops.cast(distance, self.dtype)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def _moments(sums):
    """Mean and covariance."""
    count = ops.maximum(sums["count"], 1.0)
    mean = sums["sum"] / count
    squares = sums["squares"] - count * ops.outer(mean, mean)
    return mean, squares / ops.maximum(count - 1, 1.0)
