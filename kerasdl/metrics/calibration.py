"""Calibration: whether predictions with 90% confidence are correct 90% of the time."""

import keras
from keras import ops

from kerasdl.metrics.base import refuse_weights, within
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Mean difference between confidence and accuracy, over bins of equal width.

        ECE = sum_b n_b / n |accuracy_b - confidence_b|        bins (0, 1/B], (1/B, 2/B], ...

    A label that is not a class, or a probability outside of [0, 1], is an error if `update_state`
    is called directly; in `fit` and `evaluate` it makes the result NaN.

    Args:
        bins: int, the number of bins B, at most 10,000.
        from_logits: bool, whether predictions are logits; by default they are probabilities.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = ExpectedCalibrationError()
        >>> metric.update_state([0, 0], [[0.9, 0.1], [0.1, 0.9]])  # 90% confident, 50% correct
        >>> round(float(metric.result()), 4)
        0.4

    Reference: Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks.
    """

    def __init__(
        self,
        bins: int = 15,
        from_logits: bool = False,
        name: str = "calibration_error",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.integers(bins=bins, limit=10_000)
        checks.flags(from_logits=from_logits)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(dtype, name)
        self.bins = int(bins)
        self.from_logits = bool(from_logits)
        # sum of (correct - confidence) for each bin, and the number of all predictions
        self.gaps = self.add_variable((self.bins,), "zeros", "float64", name="gaps")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: class numbers or one-hot vectors.
            y_pred: probabilities or logits (..., classes); (..., 1) is that of the second of two
                classes.
            sample_weight: must be `None`.
        """
        refuse_weights(self, sample_weight)
        y_true, p = ops.convert_to_tensor(y_true), self._probabilities(ops.cast(y_pred, "float64"))
        classes = p.shape[-1]
        one_hot = len(y_true.shape) == len(p.shape) and y_true.shape[-1] == classes
        labels = ops.argmax(y_true, axis=-1) if one_hot else y_true
        labels, p = ops.reshape(labels, (-1,)), ops.reshape(p, (-1, classes))
        checks.shaped(self, labels.shape, p.shape[:1], "labels, the input")
        labels = within(self, labels, classes - 1, "labels", whole=True)
        confidence = ops.max(within(self, p, 1.0, "probabilities"), axis=-1)
        predicted = ops.cast(ops.argmax(p, axis=-1), "float64")
        # a NaN among the labels stays NaN
        correct = ops.cast(ops.equal(predicted, labels), "float64") + 0 * labels
        bins = ops.clip(ops.ceil(confidence * self.bins) - 1, 0, self.bins - 1)
        places = ops.one_hot(ops.cast(bins, "int32"), self.bins, dtype="float64")
        self.gaps.assign_add(ops.sum(places * (correct - confidence)[:, None], axis=0))
        self.count.assign_add(ops.cast(ops.size(labels), "float64"))

    def _probabilities(self, y_pred):
        """Probabilities (..., classes), of at least two classes."""
        y_pred = y_pred[:, None] if len(y_pred.shape) == 1 else y_pred
        if y_pred.shape[-1] != 1:
            return ops.softmax(y_pred) if self.from_logits else y_pred
        p = ops.sigmoid(y_pred) if self.from_logits else y_pred
        return ops.concatenate([1 - p, p], axis=-1)

    def result(self):
        """Return the calibration error in [0, 1]."""
        # n_b / n |accuracy_b - confidence_b| = |sum of (correct - confidence) in b| / n
        error = ops.sum(ops.abs(self.gaps)) / ops.maximum(self.count, 1.0)
        return ops.cast(error, self.dtype)

    def get_config(self):
        return {**super().get_config(), "bins": self.bins, "from_logits": self.from_logits}
