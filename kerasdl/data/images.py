"""Images of any size and format to bytes of one size."""

import dataclasses

import numpy as np
import tensorflow as tf

from kerasdl import errors
from kerasdl.data.pipeline import WORKERS


def checked_size(image_size):
    """(height, width) of `image_size`, or `None`."""
    if image_size is None:
        return None
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    whole = all(isinstance(side, int) and not isinstance(side, bool) for side in size)
    if len(size) != 2 or not whole or min(size) < 1:
        expected = "a positive integer, or (height, width)"
        raise errors.InvalidInput("value for argument `image_size`", expected, image_size)
    return size


def resized(source, size):
    """The same source with images of another size."""

    def resize(part):
        if part is None:
            return None
        return tf.clip_by_value(tf.image.resize(part[0], size), 0.0, 1.0).numpy(), *part[1:]

    parts = {split: getattr(source, split) for split in ("train", "validation", "test")}
    return dataclasses.replace(source, **{split: resize(part) for split, part in parts.items()})


def decoder(size, channels):
    """From a file's content to bytes (height, width, channels): cut to shape, then scaled."""

    def decode(content):
        image = tf.io.decode_image(content, channels, expand_animations=False)
        image.set_shape((None, None, channels))
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        scale = tf.minimum(height / size[0], width / size[1])
        cut = [tf.maximum(tf.cast(tf.round(scale * side), "int32"), 1) for side in size]
        top, left = (height - cut[0]) // 2, (width - cut[1]) // 2
        image = image[top : top + cut[0], left : left + cut[1]]
        image = tf.image.resize(image, size, antialias=True)
        return tf.saturate_cast(tf.round(image), "uint8")

    return decode


def pixels(examples, decode, names):
    """Decode all examples in parallel; say which one cannot be.

    Args:
        examples: What `decode` takes, one by one.
        decode: From one of them to an image.
        names: What to call them in an error.
    """
    dataset = tf.data.Dataset.from_tensor_slices(examples).map(decode, WORKERS)
    try:
        return np.concatenate(list(dataset.batch(256).as_numpy_iterator()))
    except tf.errors.OpError:
        for example, name in zip(examples, names, strict=True):
            _try(decode, example, name)
        raise


def _try(decode, example, name):
    try:
        decode(tf.constant(example))
    except tf.errors.OpError as error:
        # what the operation says of the image, without where it ran
        reason = error.message.splitlines()[0].split("[Op:")[0].split("}} ")[-1].strip()
        raise errors.InvalidInput(
            f"image file `{name}`", "a JPEG, PNG, GIF or BMP image", reason
        ) from None
