"""Weights of pixels by which a network learns to keep neighboring objects apart."""

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks


def boundary_weights(
    instances: ArrayLike, strength: float = 10.0, sigma: float = 5.0, balance: bool = True
) -> np.ndarray:
    """Return weights of pixels that are large between objects that nearly touch.

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
