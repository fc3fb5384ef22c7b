"""Whether each image looks like one thing, and all together like many."""

import keras
from keras import ops

from kerasdl import checks
from kerasdl.metrics import weights


@keras.saving.register_keras_serializable(package="kerasdl")
class InceptionScore(keras.metrics.Metric):
    """From a classifier's probabilities: 1 when all look alike, K for K classes, each sure.

        exp E_x KL(p(y|x) || p(y)) = exp( E_x sum_y p log p - sum_y p(y) log p(y) )

    Args:
        num_classes: K.
        from_logits: Whether `update_state` gets logits.

    Example:
        >>> metric = InceptionScore(2)
        >>> metric.update_state([[1.0, 0.0], [0.0, 1.0]])
        >>> float(metric.result())
        2.0

    Reference: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen (2016), Improved Techniques for
    Training GANs.
    """

    def __init__(self, num_classes: int, from_logits=False, name="inception_score", dtype=None):
        super().__init__(dtype, name)
        checks.arguments(num_classes=num_classes)
        self.num_classes = num_classes
        self.from_logits = from_logits
        self.negative_entropy = self.add_variable((), "zeros", "float64", name="negative_entropy")
        self.probabilities = self.add_variable((num_classes,), "zeros", "float64", name="p")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, probabilities, y_pred=None, sample_weight=None):
        """`probabilities` (batch, K); where Keras gives targets too, the second argument is it."""
        weights.refuse(self, sample_weight)
        p = ops.cast(probabilities if y_pred is None else y_pred, "float64")
        checks.shaped(self, p.shape, (None, self.num_classes))
        p = ops.softmax(p) if self.from_logits else p
        self.negative_entropy.assign_add(ops.sum(_p_log_p(p)))
        self.probabilities.assign_add(ops.sum(p, axis=0))
        self.count.assign_add(ops.cast(ops.shape(p)[0], "float64"))

    def result(self):
        count = ops.maximum(self.count, 1.0)
        mean = self.probabilities / count
        return ops.cast(
            ops.exp(self.negative_entropy / count - ops.sum(_p_log_p(mean))), self.dtype
        )

    def get_config(self):
        own = {"num_classes": self.num_classes, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _p_log_p(p):
    return p * ops.log(ops.maximum(p, 1e-300))
