"""Saliency maps and activation maximization: gradients of outputs with respect to the input."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style, tracing
from kerasdl.formulas import attributions
from kerasdl.utils import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Maximized:
    """Result of `maximize`.

    Args:
        image: array (height, width, channels), the image that was made.
        logits: array, the output to maximize at the start and after each step that raised it.
    """

    image: np.ndarray
    logits: np.ndarray


def slopes(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    guided: bool = False,
) -> np.ndarray:
    """Return the gradient of an output with respect to each pixel.

        plain    dx = dy [x > 0]
        guided   dx = dy [x > 0] [dy > 0]        at every ReLU; [0 < x < 6] at every ReLU6

    The function is compiled once for a model and a size of images, and does not change the model.
    For a network that ends with a softmax or a sigmoid, the outputs are its inputs, the logits.

    Args:
        model: `keras.Model` from images to logits (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        guided: bool, whether to use guided backpropagation: each ReLU (and ReLU6) passes back
            positive gradients only. The maps are sharper, but show what is in the image rather than
            what the class depends on: `sanity_check` measures it.

    Returns:
        Array of the shape of `images`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> slopes(model, np.ones((2, 8, 8, 1)), [0, 1]).shape
        (2, 8, 8, 1)

    Reference: Simonyan, Vedaldi, Zisserman (2013), Deep Inside Convolutional Networks: Visualising
        Image Classification Models and Saliency Maps; Springenberg, Dosovitskiy, Brox, Riedmiller
        (2015), Striving for Simplicity: The All Convolutional Net, section 3.4.
    """
    checks.arrays(images=images)
    checks.flags(guided=guided)
    rule = "guided" if guided else "plain"
    return tracing.gradients(model, np.asarray(images, "float32"), targets, rule).slopes


def deconvnet(
    model: keras.Model, images: ArrayLike, targets: Sequence[int] | None = None
) -> np.ndarray:
    """Return the deconvnet view: an output projected back to the pixels.

        dx = max(0, dy)        at every ReLU, whatever its input was

    Only ReLUs differ from the gradient: a convolution passes back its transpose, and max pooling
    passes back to the pixels that were the largest.

    Args:
        model: `keras.Model` with ReLUs, from images to logits (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.

    Returns:
        Array of the shape of `images`.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        >>> model.add(keras.layers.Dense(4, activation="relu"))
        >>> model.add(keras.layers.Dense(3))
        >>> deconvnet(model, np.ones((2, 8, 8, 1))).shape
        (2, 8, 8, 1)

    Reference: Zeiler, Fergus (2014), Visualizing and Understanding Convolutional Networks.
    """
    checks.arrays(images=images)
    return tracing.gradients(model, np.asarray(images, "float32"), targets, "deconvnet").slopes


def integrated_gradients(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    baseline: float | ArrayLike = 0.0,
    steps: int = 50,
) -> np.ndarray:
    """Return the part of each pixel in the difference of an output from that of a baseline.

        (x - b) integral from 0 to 1 of dy/dx(b + t (x - b)) dt

    The parts of an image sum to y(x) - y(b).

    Args:
        model: `keras.Model` from images to logits (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        baseline: float, or array that broadcasts to `images`: an image without information. Pixels
            that equal it have no part.
        steps: int, number of points of the Gauss-Legendre quadrature.

    Returns:
        Array of the shape of `images`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> parts = integrated_gradients(model, np.ones((2, 8, 8, 1)), [0, 1], steps=8)
        >>> difference = model(np.ones((1, 8, 8, 1))) - model(np.zeros((1, 8, 8, 1)))
        >>> bool(abs(parts[0].sum() - difference[0, 0]) < 1e-4)
        True

    Reference: Sundararajan, Taly, Yan (2017), Axiomatic Attribution for Deep Networks.
    """
    checks.arrays(images=images)
    checks.integers(steps=steps, limit=100_000)
    images, baseline = np.asarray(images, "float32"), np.asarray(baseline, "float32")
    try:
        fits = np.broadcast_shapes(baseline.shape, images.shape) == images.shape
    except ValueError:
        fits = False
    checks.check("baseline", baseline.shape, fits, f"a shape that broadcasts to {images.shape}")
    slope = _slope(model, images, targets)
    return attributions.integrated_gradients(slope, images, baseline, steps).astype("float32")


def smooth_grad(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
) -> np.ndarray:
    """Return the mean gradient of an output at noisy copies of each image.

    Args:
        model: `keras.Model` from images to logits (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest without noise.
        noise: float, standard deviation of the normal noise, as a fraction of the difference
            between the largest and the smallest value of the images.
        samples: int, number of noisy copies.
        seed: int, of NumPy's generator for the noise.

    Returns:
        Array of the shape of `images`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> smooth_grad(model, np.ones((2, 8, 8, 1)), samples=4).shape
        (2, 8, 8, 1)

    Reference: Smilkov, Thorat, Kim, Viegas, Wattenberg (2017), SmoothGrad: Removing Noise by Adding
        Noise.
    """
    checks.arrays(images=images)
    checks.numbers(at_least=0, noise=noise)
    checks.integers(samples=samples, limit=100_000)
    checks.integers(at_least=0, seed=seed)
    images = np.asarray(images, "float32")
    deviation, generator = noise * np.ptp(images), np.random.default_rng(seed)
    slope = _slope(model, images, targets)
    total = np.zeros(images.shape)
    for _ in range(samples):  # one at a time: all would take `samples` times the memory
        drawn = generator.normal(0, deviation, images.shape).astype("float32")
        total += attributions.smooth_grad(slope, images, [drawn])
    return (total / samples).astype("float32")


def _slope(model, images, targets):
    """Return a function from images to gradients, of outputs that are the same for all calls."""
    targets = tracing.gradients(model, images, targets).targets
    return lambda x: tracing.gradients(model, np.asarray(x, "float32"), targets).slopes


def saliency(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    guided: bool = False,
) -> "Figure":
    """Plot images and, below each, how much every pixel matters for an output.

        max over channels of |d logit / d pixel|

    Args:
        model: `keras.Model` from images to logits (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        guided: bool, whether to use guided backpropagation, as in `slopes`.

    Returns:
        A matplotlib figure.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> figure = saliency(model, np.ones((2, 8, 8, 1)))
        >>> len(figure.axes)
        4
    """
    checks.arrays(images=images)
    images = np.asarray(images, "float32")
    heat = np.abs(slopes(model, images, targets, guided)).max(-1)
    heat /= np.maximum(heat.max((1, 2), keepdims=True), 1e-12)
    return style.image_grid([*images, *heat], len(images))


def perturbation(
    image: ArrayLike, changed: ArrayLike, before: str = "", after: str = ""
) -> "Figure":
    """Plot an image, a perturbation of it on a scale of its own, and the perturbed image.

    Args:
        image: array (height, width, channels) in [0, 1].
        changed: array of the same shape, the perturbed image.
        before: str, title of the image, such as the prediction for it.
        after: str, title of the perturbed image.

    Returns:
        A matplotlib figure.

    Example:
        >>> image = np.full((8, 8, 1), 0.5)
        >>> figure = perturbation(image, image + 0.1)
        >>> len(figure.axes)
        3
    """
    checks.arrays(image=image, changed=changed)
    checks.texts(before=before, after=after, empty=True)
    image, changed = (np.asarray(x, "float32") for x in (image, changed))
    if image.shape != changed.shape:
        raise InvalidInput("changed image", f"shape {image.shape}", changed.shape)
    added = changed - image
    most = max(np.abs(added).max(), 1e-12)
    titles = [before, f"+ at most {most:.2g}", after]
    return style.image_grid([image, 0.5 + added / most / 2, changed], 3, titles, size=1.6)


def maximize(
    model: keras.Model,
    target: int,
    steps: int = 100,
    limits: tuple[float, float] = (0.0, 1.0),
    start: ArrayLike | None = None,
) -> Maximized:
    """Make an image that maximizes an output, by gradient ascent on the pixels.

        x <- clip(x + eta g / max|g|)        g = d logit / dx, eta halved where the logit would fall

    The model soon predicts the class with certainty, although the image looks like noise to humans.

    Args:
        model: `keras.Model` from one image to logits.
        target: int, the output to maximize.
        steps: int, the largest number of steps.
        limits: tuple, the smallest and largest value of a pixel.
        start: array (height, width, channels), the first image; by default the middle of `limits`.

    Returns:
        A `Maximized`: the image, and the output after each step.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> maximize(model, target=1, steps=2).image.shape
        (8, 8, 1)

    Reference: Nguyen, Yosinski, Clune (2015), Deep Neural Networks are Easily Fooled.
    """
    checks.integers(at_least=0, target=target)
    checks.integers(steps=steps, limit=checks.LARGEST)
    checks.models(model=model)
    checks.arrays(start=start, optional=True)
    pair = isinstance(limits, (tuple, list)) and len(limits) == 2
    holds = pair and all(map(checks.is_number, limits)) and limits[0] < limits[1]
    checks.check("limits", limits, holds, "the smallest and the largest value of a pixel")
    low, high = limits
    if start is None:
        start = np.full(model.input_shape[1:], (low + high) / 2)
    image, eta = np.asarray(start, "float32")[None], (high - low) / 8
    logit, _, _, slope = tracing.gradients(model, image, [target])
    found = [float(logit[0])]
    for _ in range(steps):
        step = eta * slope / max(np.abs(slope).max(), 1e-12)
        tried = np.clip(image + step, low, high)
        logit, _, _, slope_there = tracing.gradients(model, tried, [target])
        if logit[0] < found[-1]:
            eta /= 2
        else:
            image, slope = tried, slope_there
            found.append(float(logit[0]))
    return Maximized(image[0], np.array(found))
