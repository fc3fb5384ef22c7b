"""Shared parts of metrics: features of images, and checks of what `update_state` gets."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

ROUNDING = 1e-3  # a probability in float16 may exceed [0, 1] by this


class FeatureMetric(keras.metrics.Metric):
    """A metric that compares features of images.

    Args:
        features: model or layer from images to features (batch, width); `None` if the metric gets
            features themselves.
        name: str, the metric's name.
        dtype: the metric's dtype.
    """

    def __init__(self, features: Callable | None, name: str, dtype: str | keras.DTypePolicy | None):
        checks.callables(features=features, optional=True)
        checks.model_options(name=name, dtype=dtype)
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


def within(
    metric: keras.metrics.Metric,
    values: Tensor,
    highest: float,
    what: str,
    whole: bool = False,
    lowest: float = 0.0,
) -> Tensor:
    """Return float64 values if all are between `lowest` and `highest`.

    If `update_state` is called directly, another value raises `InvalidInput`. In a graph, as in
    `fit` and `evaluate`, values are unknown when the code runs: there it becomes NaN, and with it
    the metric's result.

    Args:
        metric: The metric that gets the values.
        values: tensor of numbers.
        highest: float, the largest value.
        what: str, what the values are.
        whole: bool, whether they must be integers.
        lowest: float, the smallest value.
    """
    values = ops.cast(values, "float64")
    right = (values >= lowest - ROUNDING) & (values <= highest + ROUNDING)
    right = right & (values == ops.floor(values)) if whole else right
    if tf.executing_eagerly() and not bool(ops.all(right)):
        expected = f"{'integers' if whole else 'numbers'} from {lowest:g} to {highest:g}"
        received = ops.convert_to_numpy(values)[~ops.convert_to_numpy(right)][0]
        raise InvalidInput(f"{what} for {type(metric).__name__}", expected, f"{received:g}")
    return ops.where(right, values, float("nan"))


def refuse_weights(metric: keras.metrics.Metric, sample_weight):
    """Raise for sample weights, which Keras passes to every metric under `weighted_metrics`."""
    if sample_weight is not None:
        expected = "none: compile it under `metrics`, not `weighted_metrics`"
        raise InvalidInput(f"sample weights for {type(metric).__name__}", expected, "some")
