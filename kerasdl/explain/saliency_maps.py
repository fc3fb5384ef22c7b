"""Saliency maps and activation maximization: gradients of outputs with respect to the input."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.explain import style
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

    Args:
        model: `keras.Model` from images to logits (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        guided: bool, whether to use guided backpropagation: each ReLU (and ReLU6) passes back
            positive gradients only. The maps are sharper, but show what is in the image rather than
            what the class depends on.

    Returns:
        Array of the shape of `images`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        ... )
        >>> slopes(model, np.ones((2, 8, 8, 1)), [0, 1]).shape
        (2, 8, 8, 1)

    Reference: Simonyan, Vedaldi, Zisserman (2013), Deep Inside Convolutional Networks: Visualising
        Image Classification Models and Saliency Maps.
    """
    checks.models(model=model)
    checks.arrays(images=images)
    checks.flags(guided=guided)
    return _logits_and_slopes(model, np.asarray(images, "float32"), targets, guided)[1]


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
    logit, slope = _logits_and_slopes(model, image, [target])
    found = [float(logit[0])]
    for _ in range(steps):
        step = eta * slope / max(np.abs(slope).max(), 1e-12)
        tried = np.clip(image + step, low, high)
        logit, slope_there = _logits_and_slopes(model, tried, [target])
        if logit[0] < found[-1]:
            eta /= 2
        else:
            image, slope = tried, slope_there
            found.append(float(logit[0]))
    return Maximized(image[0], np.array(found))


def _logits_and_slopes(model, images, targets, guided=False):
    """Return the chosen logit of each image, and its gradient."""
    import tensorflow as tf

    def chosen(images):
        logits = model(images, training=False)
        if targets is None:
            outputs = keras.ops.argmax(logits, -1)
        else:
            outputs, last = np.asarray(targets), logits.shape[-1] - 1
            if outputs.shape != (len(images),) or not np.isin(outputs, range(last + 1)).all():
                expected = f"an output from 0 to {last} for each of {len(images)} images"
                raise InvalidInput("targets", expected, checks.shown(targets))
        return tf.gather(logits, tf.cast(outputs, "int32"), batch_dims=1)

    return input_gradients(chosen, images, guided)


def input_gradients(
    function: Callable, images, guided: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the result of a function of images, and d sum(function) / d images.

        plain    dx = dy [x > 0]
        guided   dx = dy [x > 0] [dy > 0]        at every ReLU; [0 < x < 6] at every ReLU6

    Args:
        function: function from a tensor of images to a tensor.
        images: array (number, height, width, channels).
        guided: bool, whether to use guided backpropagation.

    Reference: Springenberg, Dosovitskiy, Brox, Riedmiller (2015), Striving for Simplicity: The All
        Convolutional Net, section 3.4.
    """
    import tensorflow as tf

    if np.ndim(images) != 4:
        expected = "shape (number, height, width, channels)"
        raise InvalidInput("images", expected, np.shape(images))
    images = tf.constant(images, "float32")
    values, gradients = (_guided if guided else _plain)(function, images)
    return values.numpy(), gradients.numpy()


def _plain(function, images):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(images)
        values = function(images)
    return values, tape.gradient(values, images)


def _guided(function, images):
    """Compute them in a graph, because a tape ignores `gradient_override_map`."""
    import tensorflow as tf

    _register_guided_gradients()
    overrides = {"Relu": "GuidedRelu", "Relu6": "GuidedRelu6"}

    def traced(images):
        with tf.compat.v1.get_default_graph().gradient_override_map(overrides):
            values = function(images)
        return values, tf.gradients(values, images)[0]

    found = tf.function(traced).get_concrete_function(images)
    if not any(operation.type in overrides for operation in found.graph.get_operations()):
        raise InvalidInput("model", "a network with ReLU, for guided backpropagation", "none")
    return found(images)


@functools.cache
def _register_guided_gradients():
    """Register the gradients of guided ReLUs with TensorFlow, once in a process."""
    import tensorflow as tf

    @tf.RegisterGradient("GuidedRelu")
    def relu(operation, slope):
        return tf.where((operation.outputs[0] > 0) & (slope > 0), slope, tf.zeros_like(slope))

    @tf.RegisterGradient("GuidedRelu6")
    def relu6(operation, slope):
        output = operation.outputs[0]
        passes = (output > 0) & (output < 6) & (slope > 0)
        return tf.where(passes, slope, tf.zeros_like(slope))
