"""What an output hears of its input: slopes, and the input that it likes most."""

import dataclasses

import keras
import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.explain import gradients, style


@dataclasses.dataclass(frozen=True)
class Maximized:
    """An input made for one output.

    Args:
        image: The input.
        logits: The output after each step, from the first input on; it never falls.
    """

    image: np.ndarray
    logits: np.ndarray


def slopes(model, images, targets=None, guided: bool = False):
    """How much each number of the input would change an output: d logit / d x, in x's shape.

    Args:
        model: From images to logits.
        images: (number, height, width, channels).
        targets: An output for each image; by default its largest.
        guided: Through each ReLU, follow back only what raises the output: fewer and clearer
            lines, of what is there rather than of what the class depends on.

    Spec: DBG-14
    Reference: Simonyan, Vedaldi, Zisserman (2013), Deep Inside Convolutional Networks.
    """
    return _ask(model, np.asarray(images, "float32"), targets, guided)[1]


def saliency(model, images, targets=None, guided: bool = False):
    """Images above, and below how much each pixel matters: the largest slope of its channels.

    Args:
        model, images, targets, guided: As in `slopes`.

    Spec: DBG-14
    """
    images = np.asarray(images, "float32")
    heat = np.abs(slopes(model, images, targets, guided)).max(-1)
    heat /= np.maximum(heat.max((1, 2), keepdims=True), 1e-12)
    return style.image_grid([*images, *heat], len(images))


def perturbation(image, changed, before: str = "", after: str = ""):
    """An image, what was added to it, on a scale of its own, and what came of it.

    Args:
        image, changed: (height, width, channels) in [0, 1].
        before, after: What a network says of each.

    Spec: DBG-23
    """
    image, changed = (np.asarray(x, "float32") for x in (image, changed))
    if image.shape != changed.shape:
        raise InvalidInput("changed image", f"shape {image.shape}", changed.shape)
    added = changed - image
    most = max(np.abs(added).max(), 1e-12)
    titles = [before, f"+ at most {most:.2g}", after]
    return style.image_grid([image, 0.5 + added / most / 2, changed], 3, titles, size=1.6)


def maximize(model, target: int, steps: int = 100, limits=(0.0, 1.0), start=None) -> Maximized:
    """Climb from grey to an image of which a network is sure, though it is noise to people.

        x <- clip(x + eta g / max|g|)        g = d logit / dx, eta halved where the logit would fall

    Args:
        model: From one image to logits.
        target: The output to raise.
        steps: How many at most.
        limits: Smallest and largest value of a pixel.
        start: The first image; by default the middle of `limits`.

    Spec: DBG-13
    Reference: Nguyen, Yosinski, Clune (2015), Deep Neural Networks are Easily Fooled.
    """
    low, high = limits
    if start is None:
        start = np.full(model.input_shape[1:], (low + high) / 2)
    image, eta = np.asarray(start, "float32")[None], (high - low) / 8
    logit, slope = _ask(model, image, [target])
    found = [float(logit[0])]
    for _ in range(steps):
        step = eta * slope / max(np.abs(slope).max(), 1e-12)
        tried = np.clip(image + step, low, high)
        logit, slope_there = _ask(model, tried, [target])
        if logit[0] < found[-1]:
            eta /= 2
        else:
            image, slope = tried, slope_there
            found.append(float(logit[0]))
    return Maximized(image[0], np.array(found))


def _ask(model, images, targets, guided=False):
    """The chosen outputs and their slopes."""
    import tensorflow as tf

    def chosen(images):
        logits = model(images, training=False)
        best = keras.ops.argmax(logits, -1) if targets is None else np.asarray(targets)
        return tf.gather(logits, tf.cast(best, "int32"), batch_dims=1)

    return gradients.at(chosen, images, guided)
