"""The Tversky loss: a Dice loss that weighs its two kinds of errors."""

import keras
from keras import ops

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


@keras.saving.register_keras_serializable(package="kerasdl")
class Tversky(keras.losses.Loss):
    """A Dice loss that weighs false positives and false negatives differently.

    With a larger `beta`, missing a pixel of a small object costs more than one too many.

        L = 1 - (TP + s) / (TP + alpha FP + beta FN + s)
        TP = sum y p        FP = sum (1 - y) p        FN = sum y (1 - p)

    `keras.losses.Tversky` weighs the false negatives by alpha.

    Args:
        alpha: float, weight of false positives, at least 0.
        beta: float, weight of false negatives, at least 0. 0.5 for both is the Dice loss.
        axis: tuple of int, the axes over which to sum; by default all.
        smooth: float, s, which avoids a division by 0.
        reduction: str, "sum_over_batch_size", "sum", "mean" or `None`.
        name: str.
        dtype: str or `keras.DTypePolicy`.

    Example:
        >>> loss = Tversky(alpha=0.3, beta=0.7)
        >>> round(float(loss([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0])), 4)  # 1 - 1 / 2
        0.5

    Reference: Salehi, Erdogmus, Gholipour (2017), Tversky loss function for image segmentation
    using 3D fully convolutional deep networks.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        axis: tuple[int, ...] | None = None,
        smooth: float = 1e-7,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        checks.numbers(at_least=0, alpha=alpha, beta=beta, smooth=smooth)
        super().__init__(name, reduction, dtype)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis
        self.smooth = smooth

    def call(self, y_true, y_pred):
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.cast(y_true, y_pred.dtype)
        if y_true.shape != y_pred.shape:
            expected = f"{tuple(y_true.shape)}, the shape of `y_true`"
            raise InvalidInput("shape of `y_pred`", expected, tuple(y_pred.shape))
        right = ops.sum(y_true * y_pred, self.axis)
        false_positives = ops.sum((1 - y_true) * y_pred, self.axis)
        false_negatives = ops.sum(y_true * (1 - y_pred), self.axis)
        wrong = self.alpha * false_positives + self.beta * false_negatives
        return 1 - (right + self.smooth) / (right + wrong + self.smooth)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("alpha", "beta", "axis", "smooth")}
        return {**super().get_config(), **own}
