"""Explain classifications of images by any method, and check that a method reads the weights."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.explain import (
    attention_maps,
    class_activation_maps,
    occlusions,
    saliency_maps,
    style,
    tracing,
)
from kerasdl.utils import checks
from kerasdl.utils.types import ExplainMethod

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Method = Callable[..., np.ndarray]  # of a model, images and targets


def _rollout(model, images, targets):
    return attention_maps.attention_rollout(model, images)


METHODS: dict[str, Method] = {
    "grad_cam": class_activation_maps.grad_cam,
    "grad_cam_plus_plus": class_activation_maps.grad_cam_plus_plus,
    "saliency": saliency_maps.slopes,
    "guided_backpropagation": functools.partial(saliency_maps.slopes, guided=True),
    "deconvnet": saliency_maps.deconvnet,
    "integrated_gradients": saliency_maps.integrated_gradients,
    "smooth_grad": saliency_maps.smooth_grad,
    "occlusion": occlusions.occlusion,
    "attention_rollout": _rollout,
}


@dataclasses.dataclass(frozen=True)
class Sanity:
    """Result of `sanity_check`.

    Args:
        correlation: float, mean rank correlation of the maps of the trained network with those of
            networks with shuffled weights, from -1 to 1.
        passes: bool, whether the maps depend on the weights enough.
    """

    correlation: float
    passes: bool


def heat_maps(
    model: keras.Model,
    images: ArrayLike,
    method: ExplainMethod = "grad_cam",
    targets: Sequence[int] | None = None,
) -> np.ndarray:
    """Return for each pixel how much it matters for an output, by one of several methods.

    `grad_cam` suits most convolutional networks, `attention_rollout` transformers, and `occlusion`
    any network, in more time. If a method gives a number for each channel of a pixel, the largest
    magnitude is returned.

    Args:
        model: `keras.Model` from images to logits (batch, classes).
        images: array (number, height, width, channels).
        method: str, "grad_cam", "grad_cam_plus_plus", "saliency", "guided_backpropagation",
            "deconvnet", "integrated_gradients", "smooth_grad", "occlusion" or "attention_rollout",
            which functions of these names compute with their default settings ("saliency" and
            "guided_backpropagation": `slopes`).
        targets: int, the output for each image; by default its largest. "attention_rollout" does
            not depend on it.

    Returns:
        Array (number, height, width).

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> heat_maps(model, np.ones((2, 8, 8, 1)), "occlusion").shape
        (2, 8, 8)
    """
    errors.one_of("value for argument `method`", method, METHODS)
    checks.arrays(images=images)
    return _heat(METHODS[method](model, np.asarray(images, "float32"), targets))


def _heat(maps):
    return np.abs(maps).max(-1) if maps.ndim == 4 else maps


def overlay(images: ArrayLike, maps: ArrayLike, titles: Sequence[str] | None = None) -> "Figure":
    """Plot images and, beside each, its heat map over the image in gray.

    Args:
        images: array (number, height, width, channels) in [0, 1].
        maps: array (number, height, width), as `heat_maps` returns. Each map has its own scale;
            values below 0 are shown as 0.
        titles: list of str, one for each image, such as the predicted class.

    Returns:
        A matplotlib figure.

    Example:
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> figure = overlay(images, images.mean(-1), ["cat", "dog"])
        >>> len(figure.axes)
        4
    """
    from matplotlib import colormaps

    checks.arrays(images=images, maps=maps)
    images, maps = np.asarray(images, "float32"), np.asarray(maps, "float32")
    if images.ndim != 4 or maps.shape != images.shape[:3]:
        expected = "images (number, height, width, channels) and a map of the same size for each"
        raise InvalidInput("images and maps", expected, f"{images.shape} and {maps.shape}")
    if titles is not None and len(titles) != len(images):
        raise InvalidInput("titles", f"one for each of {len(images)} images", len(titles))
    heat = np.maximum(maps, 0)
    heat = heat / np.maximum(heat.max((1, 2), keepdims=True), 1e-12)
    gray = np.clip(images.mean(-1), 0, 1)[..., None]
    colored = colormaps["inferno"](heat)[..., :3]
    over = 0.4 * gray + 0.6 * colored
    pictures = [picture for pair in zip(images, over, strict=True) for picture in pair]
    named = [text for title in titles for text in (title, "")] if titles is not None else None
    columns = 2 * min(len(images), 4)
    return style.image_grid(pictures, columns, named, size=1.6)


def sanity_check(
    model: keras.Model,
    images: ArrayLike,
    method: ExplainMethod | Method = "grad_cam",
    at_most: float = 0.5,
    repeats: int = 3,
    seed: int = 0,
) -> Sanity:
    """Check that a method's maps depend on what the network has learned.

    The values inside each weight tensor are shuffled, which destroys what the network knows. Maps
    that stay similar show the image, its edges for example, and not what the network uses; a method
    like that must not be trusted, however convincing its pictures are. The model gets its weights
    back, the same bits.

    Args:
        model: `keras.Model` from images to logits (batch, classes), trained.
        images: array (number, height, width, channels); the mean over at least ten images is
            stable.
        method: str, a method of `heat_maps`; or function from a model, images and targets to maps
            (number, height, width) or (number, height, width, channels).
        at_most: float, the largest mean correlation, in absolute value, with which a method passes.
        repeats: int, number of times that the weights are shuffled.
        seed: int, of NumPy's generator for the shuffles.

    Returns:
        A `Sanity`: the mean rank correlation, and whether the method passes. Images whose map is
        constant are left out; a constant map of the shuffled network counts as 0.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> images = np.random.default_rng(0).random((4, 8, 8, 1))
        >>> sanity_check(model, images, lambda model, images, targets: images)
        Sanity(correlation=1.0, passes=False)

    Reference: Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim (2018), Sanity Checks for Saliency
        Maps.
    """
    checks.models(model=model)
    checks.arrays(images=images)
    checks.fractions(one=True, at_most=at_most)
    checks.integers(repeats=repeats)
    checks.integers(at_least=0, seed=seed)
    if isinstance(method, str) or not callable(method):
        errors.one_of("value for argument `method`", method, METHODS)
        method = METHODS[method]
    images = np.asarray(images, "float32")
    targets = tracing.outputs(model, images).targets
    before = _heat(method(model, images, targets))
    vary = np.ptp(before, axis=(1, 2)) > 0
    if not vary.any():
        raise InvalidInput("maps of the images", "at least one that is not constant", "none")
    weights, generator, found = model.get_weights(), np.random.default_rng(seed), []
    try:
        for _ in range(repeats):
            shuffled = [generator.permuted(w.ravel()).reshape(w.shape) for w in weights]
            model.set_weights(shuffled)
            after = _heat(method(model, images, targets))
            pairs = zip(before[vary], after[vary], strict=True)
            found += [_rank_correlation(one, other) for one, other in pairs]
    finally:
        model.set_weights(weights)
    correlation = round(float(np.mean(found)), 4)
    return Sanity(correlation, abs(correlation) <= at_most)


def _rank_correlation(one, other):
    """Return Spearman's rank correlation of two maps; 0 if the second is constant."""
    from scipy import stats  # takes a while to import

    if np.ptp(other) == 0:
        return 0.0
    return stats.spearmanr(one.ravel(), other.ravel()).statistic
