"""Figures of the image patches that activate a layer's feature maps most."""

from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.explain import layers, style, tracing
from kerasdl.utils import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def top_patches(
    model: keras.Model,
    images: ArrayLike,
    layer: str | None = None,
    maps: int = 6,
    count: int = 8,
    guided: bool = False,
) -> "Figure":
    """Plot the patches that activate a layer's strongest feature maps most, a row for each map.

    A patch is the receptive field of the largest activation: the pixels with a gradient. First
    layers respond to lines and colors, deeper ones to parts of objects.

    Args:
        model: functional or Sequential `keras.Model`.
        images: array (number, height, width, channels); more images give clearer rows.
        layer: str, name of a layer with feature maps; by default the last.
        maps: int, the number of maps, those with the largest activations first.
        count: int, the number of patches in a row, each from another image.
        guided: bool, whether to add a row below each with the gradients of its patches by guided
            backpropagation, which shows what in them raises the activation.

    Returns:
        A matplotlib figure.

    Example:
        >>> convolution = keras.layers.Conv2D(4, 3, name="conv")
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), convolution])
        >>> images = np.random.default_rng(0).random((8, 8, 8, 1))
        >>> figure = top_patches(model, images, "conv")
        >>> len(figure.axes)
        32

    Reference: Zeiler, Fergus (2014), Visualizing and Understanding Convolutional Networks;
        Springenberg, Dosovitskiy, Brox, Riedmiller (2015), Striving for Simplicity: The All
        Convolutional Net.
    """
    checks.integers(maps=maps, count=count)
    checks.arrays(images=images)
    checks.flags(guided=guided)
    checks.texts(layer=layer, optional=True)
    images = np.asarray(images, "float32")
    if images.ndim != 4 or len(images) < count:
        expected = f"at least {count}, shape (number, height, width, channels)"
        raise InvalidInput("images", expected, images.shape)
    found = layers.spatial_layers(model)
    if layer:
        errors.one_of("layer", layer, [each.name for each in found])
    network = keras.Model(model.inputs, model.get_layer(layer or found[-1].name).output)
    batches = [batch for batch in np.array_split(images, 8) if len(batch)]
    activations = np.concatenate([np.array(network([batch])) for batch in batches])
    strongest = np.argsort(-activations.max((0, 1, 2)))[:maps]
    rows = [_patches(network, images, activations[..., n], n, count) for n in strongest]
    boxes = np.array([box for row in rows for box in row[2]])  # top, left, height, width
    height, width = boxes[:, 2:].max(0)
    pictures = []
    for chosen, places, row_boxes in rows:
        pictures.append((images[chosen], row_boxes))
        if guided:

            def activation(x, places=places):
                return _activations_at(network, x, places)

            slopes = tracing.input_gradients(activation, images[chosen], guided=True)[1]
            most = np.abs(slopes).max((1, 2, 3), keepdims=True)
            pictures.append((0.5 + slopes / np.maximum(most, 1e-12) / 2, row_boxes))
    patches = [
        _crop(image, top, left, height, width)
        for row, row_boxes in pictures
        for image, (top, left, _, _) in zip(row, row_boxes, strict=True)
    ]
    return style.image_grid(patches, count)


def _patches(network, images, activations, number, count):
    """Return the images that activate a map most, the places of the activations, and patches."""
    chosen = np.argsort(-activations.max((1, 2)), kind="stable")[:count]
    peaks = [np.unravel_index(activations[i].argmax(), activations[i].shape) for i in chosen]
    places = [(i, *peak, number) for i, peak in enumerate(peaks)]
    slopes = tracing.input_gradients(lambda x: _activations_at(network, x, places), images[chosen])[
        1
    ]
    boxes = []
    for slope in np.abs(slopes).max(-1):
        rows, columns = (np.flatnonzero(slope.any(axis)) for axis in (1, 0))
        rows, columns = (
            x if len(x) else np.arange(1) for x in (rows, columns)
        )  # a map without any activation
        sides = np.ptp(rows) + 1, np.ptp(columns) + 1
        boxes.append((rows[0], columns[0], *sides))
    return chosen, places, boxes


def _activations_at(network, images, places):
    import tensorflow as tf

    return tf.gather_nd(network([images], training=False), places)


def _crop(image, top, left, height, width):
    """Return a window of a given size, moved inside the image where it would cross the border."""
    top, left = min(top, image.shape[0] - height), min(left, image.shape[1] - width)
    return image[top : top + height, left : left + width]
