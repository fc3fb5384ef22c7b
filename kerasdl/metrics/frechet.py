"""How far the features of generated images are from those of real ones."""

import keras
from keras import ops

from kerasdl import checks
from kerasdl.metrics import weights
from kerasdl.metrics.features import OfFeatures


@keras.saving.register_keras_serializable(package="kerasdl")
class FrechetDistance(OfFeatures):
    """The distance of two normal distributions with the features' means and covariances.

        d^2 = |mu - mu'|^2 + Tr(S + S' - 2 (S S')^(1/2))

    With the features of Inception it is the FID; with another network's, or none, it compares only
    with itself. Sums are kept in 64 bits, and covariances are of n - 1.

    Args:
        width: How many features.
        features: A model or layer from images to (batch, width); `None` for features themselves.

    Example:
        >>> metric = FrechetDistance(2)
        >>> shapes = ops.convert_to_tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]])
        >>> metric.update_state(shapes, shapes + 3.0)
        >>> round(float(metric.result()), 4)  # 3^2 + 3^2: only the mean has moved
        18.0

    Reference: Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter (2017), GANs Trained by a Two
    Time-Scale Update Rule Converge to a Local Nash Equilibrium.
    """

    def __init__(self, width: int, features=None, name="frechet_distance", dtype=None):
        super().__init__(features, name, dtype)
        checks.arguments(width=width)
        self.width = width
        self.real, self.generated = self._sums("real"), self._sums("generated")

    def _sums(self, of):
        shapes = {"count": (), "sum": (self.width,), "squares": (self.width, self.width)}
        return {
            key: self.add_variable(shape, "zeros", "float64", name=f"{of}_{key}")
            for key, shape in shapes.items()
        }

    def update_state(self, y_true, y_pred, sample_weight=None):
        weights.refuse(self, sample_weight)
        for sums, images in ((self.real, y_true), (self.generated, y_pred)):
            found = self.features_of(images, self.width)
            sums["count"].assign_add(ops.cast(ops.shape(found)[0], "float64"))
            sums["sum"].assign_add(ops.sum(found, axis=0))
            sums["squares"].assign_add(ops.matmul(ops.transpose(found), found))

    def result(self):
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
    count = ops.maximum(sums["count"], 1.0)
    mean = sums["sum"] / count
    squares = sums["squares"] - count * ops.outer(mean, mean)
    return mean, squares / ops.maximum(count - 1, 1.0)
