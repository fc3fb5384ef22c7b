"""The Inception score, high if each image has a clear class and all classes occur."""

import keras
from keras import ops

from kerasdl.metrics.base import refuse_weights, within
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class InceptionScore(keras.metrics.Metric):
    """Exponential of the mean KL divergence of class probabilities from their mean.

        exp E_x KL(p(y|x) || p(y)) = exp( E_x sum_y p log p - sum_y p(y) log p(y) )

    It is 1 if all images get the same probabilities, and K if each of K classes is predicted
    equally often with certainty. With the Inception network's probabilities it is the published
    score; with another classifier's, its values can only be compared with each other.

    A probability outside of [0, 1] is an error where `update_state` is called directly; in `fit`
    and `evaluate` it makes the result NaN.

    Args:
        num_classes: int, the number of classes K.
        from_logits: bool, whether predictions are logits; by default they are probabilities.
        name: str, the metric's name.
        dtype: the metric's dtype.

    Example:
        >>> metric = InceptionScore(2)
        >>> metric.update_state([[1.0, 0.0], [0.0, 1.0]])
        >>> float(metric.result())
        2.0

    Reference: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen (2016), Improved Techniques for
    Training GANs.
    """

    def __init__(
        self,
        num_classes: int,
        from_logits: bool = False,
        name: str = "inception_score",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.integers(num_classes=num_classes)
        checks.memory(8 * int(num_classes), num_classes=num_classes)
        checks.flags(from_logits=from_logits)
        checks.model_options(name=name, dtype=dtype)
        super().__init__(dtype, name)
        self.num_classes = int(num_classes)
        self.from_logits = bool(from_logits)
        self.negative_entropy = self.add_variable((), "zeros", "float64", name="negative_entropy")
        self.probabilities = self.add_variable((self.num_classes,), "zeros", "float64", name="p")
        self.count = self.add_variable((), "zeros", "float64", name="count")

    def update_state(self, probabilities, y_pred=None, sample_weight=None):
        """Add class probabilities or logits (batch, K) of images.

        Keras passes targets first: if there is a second argument, the first is ignored.
        """
        refuse_weights(self, sample_weight)
        p = ops.cast(probabilities if y_pred is None else y_pred, "float64")
        checks.shaped(self, p.shape, (None, self.num_classes))
        p = ops.softmax(p) if self.from_logits else within(self, p, 1.0, "probabilities")
        self.negative_entropy.assign_add(ops.sum(_p_log_p(p)))
        self.probabilities.assign_add(ops.sum(p, axis=0))
        self.count.assign_add(ops.cast(ops.shape(p)[0], "float64"))

    def result(self):
        """Return the score, from 1 to K."""
        count = ops.maximum(self.count, 1.0)
        mean = self.probabilities / count
        divergence = self.negative_entropy / count - ops.sum(_p_log_p(mean))
        return ops.cast(ops.exp(divergence), self.dtype)

    def get_config(self):
        own = {"num_classes": self.num_classes, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _p_log_p(p):
    return p * ops.log(ops.maximum(p, 1e-300))
