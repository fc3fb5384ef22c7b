"""Losses and weights for segmentation, where classes are unequal and borders matter."""

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

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


def boundary_weights(
    instances: ArrayLike, strength: float = 10.0, sigma: float = 5.0, balance: bool = True
) -> np.ndarray:
    """Return a weight for each pixel that is large between objects that nearly touch.

    Without it, a network joins neighboring cells, because the few pixels between them cost little.

        w = c + strength exp(-(d_1 + d_2)^2 / (2 sigma^2))

    d_1 and d_2 are the distances to the nearest and to the second nearest object; c balances
    objects and background.

    Args:
        instances: int array (height, width): 0 for the background, a number for each object.
        strength: float, the weight of a border of no width.
        sigma: float, in pixels, how far it reaches.
        balance: bool, whether objects and background have the same sum of c; otherwise c is 1.

    Returns:
        Array (height, width) of float32, such as for `sample_weight`.

    Example:
        >>> boundary_weights([[1, 0, 2]], balance=False).round(1)  # 1 + 10 exp(-(1 + 1)^2 / 50)
        array([[ 1. , 10.2,  1. ]], dtype=float32)

    Reference: Ronneberger, Fischer, Brox (2015), U-Net: Convolutional Networks for Biomedical Image
    Segmentation.
    """
    from scipy import ndimage  # takes a while to import

    instances = np.asarray(instances)
    if instances.ndim != 2 or instances.dtype.kind not in "iu":
        received = f"{instances.dtype} of shape {instances.shape}"
        raise InvalidInput("instances", "integers of shape (height, width)", received)
    checks.numbers(at_least=0, strength=strength)
    checks.numbers(above=0, sigma=sigma)
    checks.flags(balance=balance)
    background = instances == 0
    weights = np.ones(instances.shape)
    if balance and 0 < background.sum() < background.size:
        for part in (background, ~background):
            weights[part] = background.size / (2 * part.sum())
    objects = [number for number in np.unique(instances) if number != 0]
    if len(objects) > 1:
        distances = [ndimage.distance_transform_edt(instances != number) for number in objects]
        nearest, second = np.partition(np.stack(distances), 1, axis=0)[:2]
        between = strength * np.exp(-((nearest + second) ** 2) / (2 * sigma**2))
        weights += np.where(background, between, 0)
    return weights.astype("float32")
