"""Shared parts of metrics: features of images, and sample weights."""

from collections.abc import Callable

import keras
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


class FeatureMetric(keras.metrics.Metric):
    """A metric that compares features of images.

    Args:
        features: model or layer from images to features (batch, width); `None` if the metric gets
            features themselves.
        name: str, the metric's name.
        dtype: the metric's dtype.
    """

    def __init__(self, features: Callable | None, name: str, dtype: str | keras.DTypePolicy | None):
        super().__init__(dtype, name)
        self.features = features

    def features_of(self, images: Tensor, width: int | None = None) -> Tensor:
        """Return the features of images in float64, shape (batch, width)."""
        found = images if self.features is None else self.features(images, training=False)
        found = ops.cast(found, "float64")
        checks.shaped(self, found.shape, (None, width), "features, the input")
        return found

    def get_config(self):
        features = self.features and keras.saving.serialize_keras_object(self.features)
        return {**super().get_config(), "features": features}

    @classmethod
    def from_config(cls, config):
        features = config["features"] and keras.saving.deserialize_keras_object(config["features"])
        return cls(**{**config, "features": features})


def refuse_weights(metric: keras.metrics.Metric, sample_weight):
    """Raise for sample weights, which Keras passes to every metric under `weighted_metrics`."""
    if sample_weight is not None:
        expected = "none: compile it under `metrics`, not `weighted_metrics`"
        raise InvalidInput(f"sample weights for {type(metric).__name__}", expected, "some")
