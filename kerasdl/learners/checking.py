"""Checks of the networks and the images of a learner."""

import contextlib
import re

import keras
import tensorflow as tf
from keras import ops

from kerasdl import errors

LOWEST, HIGHEST = -0.5, 1.5  # resizing and augmentation may overshoot [0, 1] a little


def networks(**models):
    """Check that each is a built model of one input and one output."""
    for name, model in models.items():
        ends = [getattr(model, end, None) or () for end in ("inputs", "outputs")]
        if not isinstance(model, keras.Model) or [len(end) for end in ends] != [1, 1]:
            expected = "a built keras.Model of one input and one output"
            raise errors.InvalidInput(f"value for argument `{name}`", expected, model)


def shapes(name: str, shape, expected, why: str):
    """Check that a shape without its batch dimension is as expected, wherever both are known.

    Args:
        name: str, the argument whose shape it is.
        shape: tuple, with the batch dimension.
        expected: tuple, with the batch dimension; `None` for any size.
        why: str, what the shape must fit, such as "the input of the decoder".
    """
    shape, expected = tuple(shape)[1:], tuple(expected)[1:]
    same = len(shape) == len(expected) and all(
        a == b or None in (a, b) for a, b in zip(shape, expected, strict=True)
    )
    if not same:
        expected = f"a network with {why}, of shape {expected}"
        raise errors.InvalidInput(f"value for argument `{name}`", expected, shape)


def unit_range(images):
    """Check that images are about in [0, 1], also in compiled code, and return them."""
    images = ops.convert_to_tensor(images)
    least, most = ops.min(images), ops.max(images)
    fits = ops.logical_and(least >= LOWEST, most <= HIGHEST)
    limits = [tf.cast(limit, "float32") for limit in (least, most)]
    with tf.control_dependencies([tf.debugging.Assert(fits, ["pixels", *limits])]):
        return tf.identity(images)


@contextlib.contextmanager
def explained():
    """Turn the error of `unit_range` into one line inside a `with` block."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(r"pixels[\s\[\]]+([-+.\de]+)[\s\[\]]+([-+.\de]+)", str(error))
        if not found:
            raise
        expected = "numbers in [0, 1] (divide pixels of 0 to 255 by 255)"
        received = f"from {found[1]} to {found[2]}"
    else:
        return
    raise errors.InvalidInput("images", expected, received)
