"""Images of any size and format to bytes of one size."""

import dataclasses
import functools
import io

import numpy as np
import PIL.Image
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import bad_examples, pipeline, splitting
from kerasdl.data.pipeline import WORKERS

FORMATS = "a JPEG, PNG, GIF or BMP image"


def checked_size(image_size):
    """(height, width) of `image_size`, or `None`."""
    if image_size is None:
        return None
    size = image_size if isinstance(image_size, (tuple, list)) else (image_size, image_size)
    size = tuple(size)
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
        image = _decoded(content, channels)
        image.set_shape((None, None, channels))
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        scale = tf.minimum(height / size[0], width / size[1])
        cut = [tf.maximum(tf.cast(tf.round(scale * side), "int32"), 1) for side in size]
        top, left = (height - cut[0]) // 2, (width - cut[1]) // 2
        image = image[top : top + cut[0], left : left + cut[1]]
        image = tf.image.resize(image, size, antialias=True)
        return tf.saturate_cast(tf.round(image), "uint8")

    return decode


def _decoded(content, channels):
    """JPEG and PNG by TensorFlow; of others it takes palettes for greys and refuses grey."""
    start = tf.strings.substr(content, 0, 2)
    return tf.cond(
        (start == b"\xff\xd8") | (start == b"\x89P"),
        lambda: tf.io.decode_image(content, channels, expand_animations=False),
        lambda: tf.numpy_function(functools.partial(_by_pillow, channels), [content], "uint8"),
    )


def _by_pillow(channels, content):
    content = content.item() if isinstance(content, np.ndarray) else content  # not of a graph
    try:
        with PIL.Image.open(io.BytesIO(content), formats=("GIF", "BMP")) as image:
            pixels = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    except PIL.UnidentifiedImageError:
        start = f"a file that starts with {content[:16]}" if content else "an empty file"
        raise ValueError(start) from None
    return pixels.reshape(*pixels.shape[:2], channels)


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
            if reason := fault(decode, example):
                raise errors.InvalidInput(f"image file `{name}`", FORMATS, reason) from None
        raise


def inspected(examples, decode, names, inspection, keep=True):
    """Decode all examples in parallel and note those that cannot be.

    Args:
        examples, decode, names: As for `pixels`.
        inspection: A `bad_examples.Inspection`; keys are names.
        keep: Whether the images are wanted, not only what is wrong.

    Returns:
        Which rows are good, and their images or `None`.
    """
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(examples)), examples))

    def numbered(row, example):
        image = decode(example)
        return row, image if keep else image[0, 0]

    dataset = dataset.map(numbered, WORKERS, deterministic=True).ignore_errors().batch(256)
    parts = list(dataset.as_numpy_iterator())
    good = np.concatenate([rows for rows, _ in parts]) if parts else np.zeros(0, "int64")
    for row in np.setdiff1d(np.arange(len(examples)), good):
        reason, name = fault(decode, examples[row]), str(names[row])
        note = (name, "unreadable image", f"image file `{name}`", FORMATS, reason)
        inspection.bad(name, *note)
    return good, np.concatenate([images for _, images in parts]) if keep and parts else None


def find_bad(source, seed, epoch):
    """Decode what every epoch decodes, and raise for the first part with what cannot be."""
    for split in ("train", "validation", "test"):
        part = getattr(source, split)
        if hasattr(part, "read_file"):
            part.check()
            continue
        if not part or not (source.decode or hasattr(part, "fetch")):
            continue
        order = pipeline.in_order(splitting.count(part), 1024)
        if split == "train":
            last = tf.Variable(tf.maximum(epoch, 0) - 1)  # iterating adds one
            order = pipeline.shuffled(splitting.count(part), 1024, seed, last)
        for _, rows in order.as_numpy_iterator():
            if hasattr(part, "fetch"):
                part.check(rows)
                continue
            inspection = bad_examples.Inspection(False)
            places = [source.place(split, row) for row in rows]
            examples = splitting.take(part[0], rows)
            inspected(examples, source.decode, places, inspection, keep=False)
            inspection.check()


def fault(decode, example):
    """Why an example cannot be decoded, as the operation says it without where it ran."""
    try:
        decode(tf.constant(example))
    except (tf.errors.OpError, ValueError, OSError) as error:  # Pillow's own, outside of a graph
        said = getattr(error, "message", str(error)).splitlines()[0]
        reason = said.split("[Op:")[0].split("}} ")[-1].strip()
        return reason.removeprefix("ValueError: ")
    return None
