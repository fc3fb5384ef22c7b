"""A picture of what the maps of a layer look for: the pieces of images that excite them most."""

import keras
import numpy as np

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.explain import features, gradients, style


def top_patches(
    model, images, layer: str | None = None, maps: int = 6, count: int = 8, guided: bool = False
):
    """For each of a layer's strongest maps, a row of the pieces of images that it answers to most.

    A piece is what the answer came from: the pixels on which it has a slope. First layers like
    lines and colours, deeper ones parts of things.

    Args:
        model: A functional or Sequential Keras model.
        images: (number, height, width, channels); the more, the clearer.
        layer: Name of a layer with feature maps; by default the last.
        maps: Number of rows.
        count: Pieces in a row, each of another image.
        guided: Below each row, draw what in its pieces raises the answer (guided slopes).

    Spec: DBG-12
    Reference: Zeiler, Fergus (2014), Visualizing and Understanding Convolutional Networks;
        Springenberg et al. (2015), Striving for Simplicity.
    """
    images = np.asarray(images, "float32")
    if images.ndim != 4 or len(images) < count:
        expected = f"at least {count}, shape (number, height, width, channels)"
        raise InvalidInput("images", expected, images.shape)
    found = features.spatial_layers(model)
    if layer:
        errors.one_of("layer", layer, [each.name for each in found])
    seen = keras.Model(model.inputs, model.get_layer(layer or found[-1].name).output)
    answers = np.concatenate(
        [np.array(seen([one])) for one in np.array_split(images, 8) if len(one)]
    )
    strongest = np.argsort(-answers.max((0, 1, 2)))[:maps]
    rows = [_heard(seen, images, answers[..., number], number, count) for number in strongest]
    boxes = np.array([box for row in rows for box in row[2]])  # top, left, height, width
    height, width = boxes[:, 2:].max(0)
    pictures = []
    for chosen, at, places in rows:
        pictures.append((images[chosen], places))
        if guided:
            raising = gradients.at(lambda x, at=at: _answers(seen, x, at), images[chosen], True)[1]
            most = np.abs(raising).max((1, 2, 3), keepdims=True)
            pictures.append((0.5 + raising / np.maximum(most, 1e-12) / 2, places))
    pieces = [
        _cut(image, top, left, height, width)
        for row, places in pictures
        for image, (top, left, _, _) in zip(row, places, strict=True)
    ]
    return style.image_grid(pieces, count)


def _heard(seen, images, answers, number, count):
    """The images that excite a map most, where they do, and the boxes of pixels it hears there."""
    chosen = np.argsort(-answers.max((1, 2)), kind="stable")[:count]
    places = [np.unravel_index(answers[i].argmax(), answers[i].shape) for i in chosen]
    at = [(i, *place, number) for i, place in enumerate(places)]
    slopes = gradients.at(lambda x: _answers(seen, x, at), images[chosen])[1]
    boxes = []
    for slope in np.abs(slopes).max(-1):
        rows, columns = (np.flatnonzero(slope.any(axis)) for axis in (1, 0))
        rows, columns = (x if len(x) else np.arange(1) for x in (rows, columns))  # a dead map
        sides = np.ptp(rows) + 1, np.ptp(columns) + 1
        boxes.append((rows[0], columns[0], *sides))
    return chosen, at, boxes


def _answers(seen, images, at):
    """What a map gives for each image where it gives most."""
    import tensorflow as tf

    return tf.gather_nd(seen([images], training=False), at)


def _cut(image, top, left, height, width):
    """A window of a given size that starts there, or as near as the border allows."""
    top, left = min(top, image.shape[0] - height), min(left, image.shape[1] - width)
    return image[top : top + height, left : left + width]
