"""Among how many equally likely tokens a language model hesitates."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasdl")
class Perplexity(keras.metrics.Metric):
    """The exponential of the mean surprise of all tokens, padding left out.

        e^(-mean log p(token))

    Not the mean of the batches' perplexities, which is larger.

    Args:
        from_logits: Whether predictions are logits.
        padding: A token that does not count; `None` where all do.

    Example:
        >>> metric = Perplexity()
        >>> metric.update_state([[3, 1]], ops.zeros((1, 2, 100)))
        >>> round(float(metric.result()))
        100
    """

    def __init__(self, from_logits=True, padding=None, name="perplexity", dtype=None):
        super().__init__(dtype, name)
        self.from_logits = from_logits
        self.padding = padding
        self.nats = self.add_variable((), "zeros", "float64", name="nats")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        # 16 bits can count to no more than 65504
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.cast(y_pred, "float32")
        nats = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)
        nats = ops.cast(nats, "float64")
        weights = ops.ones_like(nats)
        if self.padding is not None:
            real = ops.cast(y_true != self.padding, weights.dtype)
            weights = ops.reshape(real, ops.shape(nats))  # labels may be a column
        if sample_weight is not None:
            given = ops.cast(sample_weight, weights.dtype)
            missing = len(weights.shape) - len(given.shape)
            weights = weights * ops.reshape(given, (*ops.shape(given), *[1] * missing))
        self.nats.assign_add(ops.sum(weights * nats))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        return ops.cast(ops.exp(self.nats / ops.maximum(self.count, 1e-12)), self.dtype)

    def get_config(self):
        own = {"from_logits": self.from_logits, "padding": self.padding}
        return {**super().get_config(), **own}
