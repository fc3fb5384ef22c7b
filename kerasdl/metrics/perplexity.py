"""Perplexity of a language model."""

import keras
from keras import ops

from kerasdl.metrics.base import within
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class Perplexity(keras.metrics.Metric):
    """Exponential of the mean cross-entropy of all tokens, without padding.

        e^(-mean log p(token))

    A model for which K tokens are equally likely has perplexity K. The mean is taken over
    all tokens; the mean of the batches' perplexities would be larger.

    A probability outside of [0, 1] is an error where `update_state` is called directly; in `fit`
    and `evaluate` it makes the result NaN.

    Args:
        from_logits: bool, whether predictions are logits (default) or probabilities.
        padding: int, the token that does not count; by default (`None`) all tokens count.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = Perplexity()
        >>> metric.update_state([[3, 1]], ops.zeros((1, 2, 100)))
        >>> round(float(metric.result()))
        100
    """

    def __init__(
        self,
        from_logits: bool = True,
        padding: int | None = None,
        name: str = "perplexity",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.flags(from_logits=from_logits)
        checks.integers(at_least=0, optional=True, padding=padding, limit=checks.LARGEST)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(dtype, name)
        self.from_logits = bool(from_logits)
        self.padding = checks.plain(padding)
        self.nats = self.add_variable((), "zeros", "float64", name="nats")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: integers (batch, tokens) or (batch, tokens, 1).
            y_pred: logits or probabilities (batch, tokens, vocabulary).
            sample_weight: weights of sequences or tokens.
        """
        # float16 cannot count beyond 65504
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.cast(y_pred, "float32")
        within(self, y_true, y_pred.shape[-1] - 1, "labels", whole=True)
        if not self.from_logits:
            y_pred = ops.cast(within(self, y_pred, 1.0, "probabilities"), "float32")
        nats = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)
        nats = ops.cast(nats, "float64")
        weights = ops.ones_like(nats)
        if self.padding is not None:
            real = ops.cast(y_true != self.padding, weights.dtype)
            weights = ops.reshape(real, ops.shape(nats))  # labels may have a last axis of 1
        if sample_weight is not None:
            given = ops.cast(sample_weight, weights.dtype)
            missing = len(weights.shape) - len(given.shape)
            weights = weights * ops.reshape(given, (*ops.shape(given), *[1] * missing))
        self.nats.assign_add(ops.sum(weights * nats))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        """Return the perplexity."""
        return ops.cast(ops.exp(self.nats / ops.maximum(self.count, 1e-12)), self.dtype)

    def get_config(self):
        own = {"from_logits": self.from_logits, "padding": self.padding}
        return {**super().get_config(), **own}
