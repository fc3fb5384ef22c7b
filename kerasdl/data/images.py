"""Decode image files of any size and format to pixels of one size."""

import functools
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
import tensorflow as tf

from kerasdl import errors
from kerasdl.data import bad_examples
from kerasdl.utils import checks

FORMATS = "a JPEG, PNG, GIF, BMP or WebP image"
OTHERS = ("GIF", "BMP", "WEBP", "PNG")  # what Pillow reads here
ORIENTATION = 0x0112  # the Exif tag
SIDEWAYS = (5, 6, 7, 8)  # its values that exchange height and width
WORKERS = os.cpu_count() or 1


def parallel() -> dict:
    """Arguments of `map` that use all cores and keep the order."""
    return {"num_parallel_calls": WORKERS, "deterministic": True}


def checked_size(image_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return (height, width) of the argument `image_size`, or None if it is None."""
    if image_size is None:
        return None
    size = tuple(image_size) if isinstance(image_size, (tuple, list)) else (image_size,) * 2
    holds = len(size) == 2 and all(map(checks.is_integer, size))
    checks.check("image_size", image_size, holds, "a positive integer, or (height, width)")
    return checks.plain(size)


def seen_size(file: str | os.PathLike, formats: Sequence[str]) -> tuple[int, int]:
    """Return height and width of an image as it is seen, turned as its camera noted.

    Args:
        file: The image; only its header is read.
        formats: The formats that Pillow may read.
    """
    with PIL.Image.open(file, formats=formats) as image:
        width, height = image.size
        return (width, height) if image.getexif().get(ORIENTATION) in SIDEWAYS else (height, width)


def window(shape: tuple[int, int], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first pixel and the size of the window that `decoder` cuts out of an image.

    Args:
        shape: (height, width) of the image.
        size: (height, width) to which the window is scaled.

    >>> window((10, 30), (20, 20))
    (array([ 0, 10]), array([10, 10]))
    """
    whole, scaled = np.array(shape), np.array(size)
    cut = np.maximum(np.round((whole / scaled).min() * scaled), 1).astype(int)
    return (whole - cut) // 2, cut


def to_unit(images):
    """Scale stored bytes to pixels, [0, 255] -> [0, 1]; other dtypes stay as they are."""
    if images.dtype != tf.uint8:
        return images
    return tf.cast(images, "float32") / 255.0


def decoder(size: tuple[int, int], channels: int, are_files: bool = False) -> Callable:
    """Return a function from an image file to bytes of shape (height, width, channels).

    An image of another aspect ratio is cropped at its center, then scaled.

    Args:
        size: (height, width).
        channels: int, 1 for grayscale, 3 for color.
        are_files: bool, whether the function takes a file's name instead of its content.
    """

    def decode(item):
        item = tf.convert_to_tensor(item)  # NumPy would strip zeros from the end of bytes
        image = _decoded(tf.io.read_file(item) if are_files else item, channels)
        image = _cropped(tf.ensure_shape(image, (None, None, channels)), size)
        fits = tf.reduce_all(tf.shape(image)[:2] == size)
        image = tf.cond(fits, lambda: image, lambda: _resized(image, size))
        return tf.ensure_shape(image, (*size, channels))

    return decode


def _decoded(content, channels):
    # TensorFlow reads palettes of GIF and BMP files as gray levels, refuses gray ones, and drops
    # transparency, where pixels may have any color
    by_pillow = functools.partial(_by_pillow, channels)
    start = tf.strings.substr(content, 0, 2)
    header = tf.strings.substr(content, 0, 26)  # of a PNG file; its last byte: palette, transparent
    special = tf.strings.regex_full_match(header, r"\C{25}[\x03\x04\x06]")
    return tf.cond(
        start == b"\xff\xd8",
        lambda: _upright(tf.io.decode_jpeg(content, channels), content),
        lambda: tf.cond(
            tf.logical_and(start == b"\x89P", tf.logical_or(channels == 4, ~special)),
            lambda: tf.io.decode_png(content, channels),
            lambda: tf.numpy_function(by_pillow, [content], "uint8"),
        ),
    )


def _upright(image, content):
    """Turn a decoded JPEG image as its Exif orientation says, which cameras write."""
    start = tf.strings.substr(content, 0, 4096)
    has_exif = tf.strings.regex_full_match(start, r"\C*Exif\x00\x00\C*")

    def sideways():
        """Mirror the image at its main diagonal."""
        # by NumPy, because oneDNN cannot transpose bytes, which TensorFlow tells on standard error
        mirrored = tf.numpy_function(_mirrored, [image], "uint8")
        return tf.ensure_shape(mirrored, (None, None, image.shape[-1]))

    def turned():
        number = tf.numpy_function(_orientation, [content], "int64")
        turns = {
            2: lambda: image[:, ::-1],
            3: lambda: image[::-1, ::-1],
            4: lambda: image[::-1],
            5: sideways,
            6: lambda: sideways()[:, ::-1],
            7: lambda: sideways()[::-1, ::-1],
            8: lambda: sideways()[::-1],
        }
        branches = [turns.get(place, lambda: image) for place in range(9)]
        return tf.switch_case(tf.cast(number, "int32"), branches, default=lambda: image)

    return tf.cond(has_exif, turned, lambda: image)


def _mirrored(image):
    return np.ascontiguousarray(np.swapaxes(image, 0, 1))


def _orientation(content):
    content = content.item() if isinstance(content, np.ndarray) else content
    try:
        with PIL.Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            number = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises any kind for damaged Exif data, which say nothing then
        number = 1
    return np.int64(number if number in range(1, 9) else 1)


def _cropped(image, size):
    """Cut the largest window with the aspect ratio of `size` from the center of an image."""
    shape = tf.shape(image)[:2]
    scale = tf.reduce_min(shape / size)
    cut = tf.maximum(tf.cast(tf.round(scale * size), "int32"), 1)
    top, left = tf.unstack((shape - cut) // 2)
    return tf.slice(image, [top, left, 0], [*tf.unstack(cut), -1])


def _resized(image, size):
    """Resize an image of bytes as `tf.image.resize(antialias=True)` does, in fewer operations."""
    resized = tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(image, "float32")[None],
        size=size,
        scale=tf.cast(size / tf.shape(image)[:2], "float32"),
        translation=(0.0, 0.0),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.cast(tf.round(resized[0]), "uint8")


def _by_pillow(channels, content):
    # an array of one item in a graph, bytes in eager mode
    content = content.item() if isinstance(content, np.ndarray) else content
    try:
        with PIL.Image.open(io.BytesIO(content), formats=OTHERS) as image:
            shown = _turned_by_pillow(image)
            if channels < 4 and ("A" in shown.mode or "transparency" in shown.info):
                shown = _on_white(shown)
            pixels = np.asarray(shown.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    except PIL.UnidentifiedImageError:
        start = f"a file that starts with {content[:16]}" if content else "an empty file"
        raise ValueError(start) from None
    except Exception as error:  # Pillow raises any kind for a damaged image
        raise ValueError(repr(error)) from None
    return pixels.reshape(*pixels.shape[:2], channels)


def _turned_by_pillow(image):
    try:
        return PIL.ImageOps.exif_transpose(image)
    except Exception:  # of damaged Exif data; damaged pixels fail again when they are converted
        return image


def _on_white(image):
    image = image.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)


def pixels(files: Sequence[str], size: tuple[int, int], channels: int) -> np.ndarray:
    """Return the pixels of image files, in [0, 1], as the pipelines of `load` do.

    Unlike a pipeline, it is compiled only once for any number of files.

    Args:
        files: Names of the files.
        size: (height, width).
        channels: int, 1 for grayscale, 3 for color.

    Returns:
        float32 array (files, height, width, channels).

    Raises:
        InvalidInput: names the first image that cannot be decoded, and why.
    """
    names = [os.fsencode(file) for file in files]
    try:
        found = _read_all(tuple(size), channels)(tf.constant(names, "string"))
    except (tf.errors.OpError, ValueError):
        decode = decoder(size, channels, are_files=True)
        for file, name in zip(files, names, strict=True):
            if reason := fault(decode, name):
                raise errors.InvalidInput(f"image file `{file}`", FORMATS, reason) from None
        raise
    # not compiled, which would multiply by 1/255 and round otherwise than a pipeline
    return to_unit(found).numpy()


@functools.lru_cache(maxsize=16)
def _read_all(size, channels):
    """Compile a function that reads image files into one array."""
    decode = decoder(size, channels, are_files=True)
    image = tf.TensorSpec((*size, channels), "uint8")

    def read_all(names):
        return tf.map_fn(decode, names, parallel_iterations=WORKERS, fn_output_signature=image)

    return tf.function(read_all, [tf.TensorSpec([None], "string")], autograph=False)


def inspect(
    examples: np.ndarray,
    decode: Callable,
    names: np.ndarray,
    inspection: bad_examples.Inspection,
    keep: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode images in parallel and note those that cannot be decoded.

    Args:
        examples: What `decode` takes, such as names of files or their contents.
        decode: Function from one of them to an image; see `decoder`.
        names: Names of the images for messages.
        inspection: Takes the notes, by name.
        keep: bool, whether to return the images. Otherwise only rows are returned.

    Returns:
        Rows that can be decoded, and their images or None.
    """
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(examples)), examples))

    def numbered(row, example):
        image = decode(example)
        return row, image if keep else image[0, 0]

    dataset = dataset.map(numbered, **parallel()).ignore_errors().batch(256)
    parts = list(dataset.as_numpy_iterator())
    good = np.concatenate([rows for rows, _ in parts]) if parts else np.zeros(0, "int64")
    for row in np.setdiff1d(np.arange(len(examples)), good):
        reason, name = fault(decode, examples[row]), str(names[row])
        note = (name, "unreadable image", f"image file `{name}`", FORMATS, reason)
        inspection.bad(name, *note)
    return good, np.concatenate([images for _, images in parts]) if keep and parts else None


def fault(decode: Callable, example: Any) -> str | None:
    """Return why an example cannot be decoded, or None if it can."""
    try:
        decode(tf.constant(example))
    except (tf.errors.OpError, ValueError, OSError) as error:  # Pillow's own, in eager mode
        return reason_of(error).removeprefix("ValueError: ")
    return None


def reason_of(error: Exception) -> str:
    """Return the first line of an error, without TensorFlow's notes on where it ran."""
    said = (getattr(error, "message", str(error)).splitlines() or [repr(error)])[0]
    return said.split("[Op:")[0].split("}} ")[-1].strip()
