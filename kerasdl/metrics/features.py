"""Metrics that compare what a network sees in images."""

import keras
from keras import ops

from kerasdl import checks


class OfFeatures(keras.metrics.Metric):
    """A metric of features: those that a model or layer finds, or what it is given."""

    def __init__(self, features, name, dtype):
        super().__init__(dtype, name)
        self.features = features

    def features_of(self, images, width=None):
        """(batch, width), in 64 bits."""
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
