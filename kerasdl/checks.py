"""What an argument of a given name must be, the same in every layer and network.

A width is a positive integer wherever it stands, so that what is asked of it is written once.
"""

import math
import numbers

from kerasdl import errors


def arguments(**values):
    """Raise for the first value that is not what its name says; unknown names may be anything."""
    for name, value in values.items():
        if name in KINDS:
            argument(name, value, KINDS[name])


def argument(name, value, kind):
    """Raise unless a value is of a kind, whatever its name says."""
    is_right, expected = kind
    if not is_right(value):
        raise errors.InvalidInput(f"value for argument `{name}`", expected, repr(value))


def inputs(layer, shape, expected: str, unknown=("batch", "height", "width", "time", "source")):
    """Raise unless a shape has the dimensions that a layer needs.

    Args:
        layer: Whose input it is.
        shape: Of the input.
        expected: Names of the dimensions: "batch, height, width, channels".
        unknown: Those that may be `None`.
    """
    names = expected.split(", ")
    one = isinstance(shape, (tuple, list)) and not any(isinstance(n, (tuple, list)) for n in shape)
    if not (one and len(shape) == len(names)) or any(
        n is None and m not in unknown for n, m in zip(shape, names, strict=True)
    ):
        known = [name for name in names if name not in unknown]
        also = f" with known {' and '.join(known)}" if known else ""
        subject = f"input of {type(layer).__name__}"
        raise errors.InvalidInput(subject, f"shape ({expected}){also}", shape)


def several(layer, shapes, counts, expected: str):
    """Raise unless there are so many inputs."""
    each = isinstance(shapes, (tuple, list)) and all(isinstance(s, (tuple, list)) for s in shapes)
    if not each or len(shapes) not in counts:
        raise errors.InvalidInput(f"input of {type(layer).__name__}", expected, shapes)


def shaped(layer, shape, expected, what="input"):
    """Raise unless a shape is the expected one in all that is known of both.

    Args:
        layer: Or metric, whose input it is.
        shape: Of the input.
        expected: A shape; `None` for what may be any size.
        what: It is, of the layer.
    """
    shape, expected = tuple(shape), tuple(expected)
    if len(shape) != len(expected) or any(
        n != m for n, m in zip(shape, expected, strict=True) if None not in (n, m)
    ):
        subject = f"{what} of {type(layer).__name__}"
        raise errors.InvalidInput(subject, f"shape {expected}", shape)


def known(name, shape):
    """Raise for a dimension that is `None`."""
    if None in shape:
        raise errors.InvalidInput(f"value for argument `{name}`", "known sizes", shape)


def _is_integer(value, least=1):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= least


def _is_number(value):
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(value)


def _is_activation(value):
    import keras

    try:
        return keras.activations.get(value) is not None
    except (TypeError, ValueError):
        return False


def _is_policy(value):
    import keras

    try:
        return value is None or keras.dtype_policies.get(value) is not None
    except (TypeError, ValueError):
        return False


POSITIVE = (_is_integer, "a positive integer")
OPTIONAL = (lambda value: value is None or _is_integer(value), "a positive integer or None")
SHARE = (lambda value: _is_number(value) and 0 <= value < 1, "a share in [0, 1)")
WEIGHT = (lambda value: _is_number(value) and value >= 0, "a number from 0")
ABOVE_ZERO = (lambda value: _is_number(value) and value > 0, "a number above 0")
FLAG = (lambda value: isinstance(value, bool), "True or False")
SHAPE = (
    lambda value: (
        isinstance(value, (tuple, list))
        and len(value) > 0
        and all(n is None or _is_integer(n) for n in value)
    ),
    "a shape: positive integers",
)
KINDS = {
    **dict.fromkeys(("filters", "strides", "units", "width", "depth", "growth_rate"), POSITIVE),
    **dict.fromkeys(("bottleneck", "ratio", "patch_size", "heads", "groups"), POSITIVE),
    **dict.fromkeys(("num_classes", "vocabulary_size", "context", "latent_dim"), POSITIVE),
    **dict.fromkeys(("start", "end", "kernel_size", "pool_size", "padding", "every"), POSITIVE),
    **dict.fromkeys(("bins", "order"), POSITIVE),
    **dict.fromkeys(("se_ratio", "hidden"), OPTIONAL),
    **dict.fromkeys(("dropout", "label_smoothing", "rate"), SHARE),
    **dict.fromkeys(("alpha", "beta"), WEIGHT),
    **dict.fromkeys(("k", "epsilon", "peak", "radius"), ABOVE_ZERO),
    **dict.fromkeys(("causal", "batch_normalization"), FLAG),
    **dict.fromkeys(("input_shape", "image_shape"), SHAPE),
    "kernels": (lambda value: _is_integer(value, 2), "an integer of at least 2"),
    "size": (lambda value: _is_integer(value) and value % 2 == 1, "a positive odd number"),
    "share": (lambda value: _is_number(value) and 0 <= value <= 1, "a share in [0, 1]"),
    "compression": (lambda value: _is_number(value) and 0 < value <= 1, "a share in (0, 1]"),
    "seed": (
        lambda value: value is None or _is_integer(value, 0),
        "an integer of at least 0 or None",
    ),
    "widths": (
        lambda value: isinstance(value, (tuple, list)) and all(map(_is_integer, value)),
        "a tuple of positive integers",
    ),
    "depths": (
        lambda value: isinstance(value, (tuple, list)) and value and all(map(_is_integer, value)),
        "a tuple of at least one positive integer",
    ),
    **dict.fromkeys(
        ("activation", "output_activation"), (_is_activation, "the name of an activation of Keras")
    ),
    "name": (
        lambda value: value is None or (isinstance(value, str) and value and "/" not in value),
        "a text without /",
    ),
    "dtype": (_is_policy, "a precision of Keras, such as float32 or mixed_bfloat16"),
}
