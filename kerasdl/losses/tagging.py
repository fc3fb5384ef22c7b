"""The likelihood of a sequence of tags: each for itself, or all together in a chain (CRF)."""

import math

import keras
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.utils.types import Tensor

NEVER = -1e9  # the score of a tag that is not possible; an infinite one would give NaN gradients


def log_partition(potentials: Tensor) -> Tensor:
    """Return log Z, the logarithm of the sum of exp(score) over all paths of tags: (batch,).

    The forward algorithm adds one step at a time, so that T steps of K tags take T K^2 sums instead
    of K^T:

        alpha_t[j] = log sum_i exp(alpha_{t-1}[i] + potentials_t[i, j])

    Args:
        potentials: (batch, time, tags, tags), as `kerasdl.layers.CRF` returns them.

    Example:
        >>> round(float(log_partition(keras.ops.zeros((1, 3, 2, 2)))[0]), 4)  # log 2^3
        2.0794
    """

    def step(alpha, potential):
        alpha = ops.logsumexp(ops.expand_dims(alpha, 2) + potential, axis=1)  # (batch, tags)
        return alpha, alpha

    by_step = ops.transpose(potentials, (1, 0, 2, 3))
    # no tag is before the first one: the K rows of its potentials are alike, and count once
    start = ops.zeros_like(by_step[0, :, 0]) - math.log(potentials.shape[-1])
    alpha, _ = ops.scan(step, start, by_step)
    return ops.logsumexp(alpha, axis=-1)


@keras.saving.register_keras_serializable(package="kerasdl")
class TaggingLoss(keras.losses.Loss):
    """The negative log-likelihood of the tags of each sequence.

    For logits, a tag does not depend on the others. For the potentials of `kerasdl.layers.CRF`, the
    probability of a sequence of tags is that of a path among all paths:

        logits:      L = - sum_t log softmax(y_pred_t)[y_t]
        potentials:  L = log Z - sum_t y_pred_t[y_{t-1}, y_t]

    A tag of -1 is padding, or a tag that nobody knows: the loss is then that of all paths with the
    known tags. Padding that Keras's masks name needs no -1. Each sequence counts as a sum over its
    steps, so sequences of different lengths divide over replicas in any way.

    Args:
        reduction: str, "sum_over_batch_size", "sum", "mean" or `None`.
        name: str.
        dtype: str or `keras.DTypePolicy`.

    Call arguments:
        y_true: (batch, time) of integers.
        y_pred: (batch, time, tags) of logits or (batch, time, tags, tags) of potentials.

    Example:
        >>> loss = TaggingLoss()
        >>> round(float(loss([[1, 0, -1]], keras.ops.zeros((1, 3, 2)))), 4)  # 2 log 2
        1.3863

    Reference: Lafferty, McCallum, Pereira (2001), Conditional Random Fields: Probabilistic Models
    for Segmenting and Labeling Sequence Data.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tagging_loss",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        super().__init__(name, reduction, dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true, "int32"), ops.convert_to_tensor(y_pred)
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:  # a value for each step, where the loss has one for each sequence
            y_true = ops.where(mask, y_true, -1)
            y_pred = ops.copy(y_pred)  # without the mask
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        if len(y_pred.shape) not in (3, 4) or len(y_true.shape) != 2:
            expected = "(batch, time) and (batch, time, tags) or (batch, time, tags, tags)"
            received = f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
            raise InvalidInput("shapes of `y_true` and `y_pred`", expected, received)
        y_true = ops.expand_dims(ops.cast(y_true, "int32"), -1)
        # of each step, the tags that agree with `y_true`
        possible = ops.logical_or(y_true < 0, ops.equal(y_true, ops.arange(y_pred.shape[-1])))
        if len(y_pred.shape) == 3:
            right = ops.where(possible, y_pred, NEVER)
            return ops.sum(ops.logsumexp(y_pred, -1) - ops.logsumexp(right, -1), axis=-1)
        right = ops.where(ops.expand_dims(possible, 2), y_pred, NEVER)
        return log_partition(y_pred) - log_partition(right)
