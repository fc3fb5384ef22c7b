"""Checks of arguments: a function for each kind of value, called by the class that takes it.

Each takes arguments by name, checks all of them and raises `InvalidInput` for the first that is
wrong:

    checks.integers(filters=filters, strides=strides)
    checks.fractions(dropout=dropout)
    checks.integers(se_ratio=se_ratio, optional=True)

NumPy's integers, floats and bools are accepted like Python's. `plain` converts them where a
configuration must be written as JSON.
"""

import math
import numbers as abstract
import os
from collections.abc import Sequence

from kerasdl import errors

LONGEST = 200  # characters of a value that a message shows
LARGEST = 2**31 - 1  # what TensorFlow's 32-bit integers hold
# no training has more; beyond 1e38 float32 is infinite
LARGEST_RATE, MOST_STEPS = 1e6, 1e9


def check(name: str, value, holds: bool, expected: str):
    """Raise `InvalidInput` for the argument `name` unless `holds` is true."""
    if not holds:
        raise errors.InvalidInput(f"value for argument `{name}`", expected, shown(value))


def shown(value) -> str:
    """Return the representation of a value for a message: one line, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python does not print integers of more than 4,300 digits
        return f"{type(value).__name__} too long to print"
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def plain(value):
    """Return a value with NumPy's numbers converted to Python's, also inside containers.

    Example:
        >>> import numpy as np
        >>> plain({"widths": (np.int64(8), 4), "rate": np.float64(0.5)})
        {'widths': (8, 4), 'rate': 0.5}
    """
    if type(value) is dict:
        return {plain(name): plain(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    # by name, because `kerasdl list` checks recipes without importing NumPy
    scalar = type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0
    return value.item() if scalar else value


def is_integer(value, at_least: int = 1) -> bool:
    """Return whether a value is an integer of at least `at_least`, and not a bool."""
    value = plain(value)
    whole = isinstance(value, abstract.Integral) and not isinstance(value, bool)
    return whole and value >= at_least


def is_number(value) -> bool:
    """Return whether a value is a finite real number, and not a bool."""
    value = plain(value)
    if not isinstance(value, abstract.Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # the integer is larger than any float
        return False


def is_flag(value) -> bool:
    """Return whether a value is True or False."""
    return isinstance(plain(value), bool)


def integers(
    *,
    at_least: int = 1,
    below: int | None = None,
    limit: int | None = None,
    optional: bool = False,
    **values,
):
    """Check that each value is an integer of at least `at_least`; or `None` if `optional`.

    Args:
        at_least: int, the smallest value.
        below: int, one more than the largest value.
        limit: int, a generous largest value, which a message names only if it is exceeded.
        optional: bool, whether `None` is accepted.
        **values: The arguments.
    """
    expected = "a positive integer" if at_least == 1 else f"an integer of at least {at_least}"
    if below is not None:
        expected = f"an integer from {at_least} to {below - 1}"
    for name, value in values.items():
        holds = is_integer(value, at_least) and (below is None or value < below)
        check(name, value, holds or (optional and value is None), _or_none(expected, optional))
        if limit is not None and holds:
            check(name, value, value <= limit, f"{expected}, at most {limit}")


def numbers(
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    limit: float | None = None,
    optional: bool = False,
    **values,
):
    """Check that each value is a finite number within the given limits.

    `limit` is a generous largest value, which a message names only if it is exceeded.
    """
    limits = [("at least", at_least), ("above", above), ("at most", at_most), ("below", below)]
    words = " and ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)
    expected = f"a number {words}".strip() if words else "a finite number"
    for name, value in values.items():
        number = plain(value)
        holds = is_number(number) and not (
            (at_least is not None and number < at_least)
            or (above is not None and number <= above)
            or (at_most is not None and number > at_most)
            or (below is not None and number >= below)
        )
        check(name, value, holds or (optional and value is None), _or_none(expected, optional))
        if limit is not None and holds:
            check(name, value, number <= limit, f"{expected}, at most {limit:g}")


def fractions(*, one: bool = False, **values):
    """Check that each value is a fraction in [0, 1), or in [0, 1] if `one` is allowed."""
    expected = "a fraction in [0, 1]" if one else "a fraction in [0, 1)"
    for name, value in values.items():
        holds = is_number(value) and value >= 0 and (value <= 1 if one else value < 1)
        check(name, value, holds, expected)


def flags(**values):
    """Check that each value is True or False."""
    for name, value in values.items():
        check(name, value, is_flag(value), "True or False")


def learning_rates(*, optional: bool = False, **values):
    """Check that each value is a learning rate, a number above 0."""
    numbers(above=0, limit=LARGEST_RATE, optional=optional, **values)


def texts(*, optional: bool = False, empty: bool = False, **values):
    """Check that each value is a string; it may be empty if `empty`."""
    for name, value in values.items():
        holds = isinstance(value, str) and (empty or value != "")
        check(name, value, holds or (optional and value is None), _or_none("a text", optional))


def paths(*, optional: bool = False, **values):
    """Check that each value is the path of a file or folder: a string or a `pathlib.Path`."""
    for name, value in values.items():
        holds = isinstance(value, (str, os.PathLike)) and os.fspath(value) != ""
        holds = holds and "\0" not in str(value)
        check(name, value, holds or (optional and value is None), _or_none("a path", optional))


def models(**values):
    """Check that each value is a Keras model."""
    import keras

    for name, value in values.items():
        check(name, value, isinstance(value, keras.Model), "a Keras model")


def datasets(*, optional: bool = False, **values):
    """Check that each value is a `tf.data.Dataset`."""
    import tensorflow as tf

    expected = _or_none("a tf.data.Dataset of batches", optional)
    for name, value in values.items():
        holds = isinstance(value, tf.data.Dataset) or (optional and value is None)
        check(name, value, holds, expected)


def arrays(*, optional: bool = False, **values):
    """Check that each value is an array or tensor of numbers that is not empty, or nested ones."""
    for name, value in values.items():
        holds = (optional and value is None) or _holds_numbers(value)
        check(name, value, holds, _or_none("an array of numbers, or nested arrays", optional))


def _holds_numbers(value) -> bool:
    import keras
    import numpy as np

    def is_array(part):
        try:
            array = np.asarray(part)
        except (TypeError, ValueError):  # rows of different lengths
            return False
        return bool(array.ndim and array.size and array.dtype.kind not in "OSU")

    parts = keras.tree.flatten(value)
    return is_array(value) or (bool(parts) and all(map(is_array, parts)))


def memory(needed: int, **values):
    """Check that the memory that arguments require is at most half of that of this machine.

    Args:
        needed: int, the bytes that it takes.
        **values: The arguments that decide on it.

    Example:
        >>> memory(10**12 * 8, count=10**12)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        kerasdl.errors.InvalidInput: Invalid value for argument `count`. Expected what fits into ...
    """
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    if needed <= limit:
        return
    taken = f"{needed / 1e9:,.1f}" if needed < 1e18 else "more than a billion"
    names = ", ".join(f"`{name}`" for name in values)
    names = " and ".join(names.rsplit(", ", 1))
    subject = f"value for argument {names}" if len(values) == 1 else f"values for {names}"
    expected = f"what fits into {limit / 1e9:,.1f} GB, half of this machine's memory"
    received = ", ".join(map(shown, values.values()))
    raise errors.InvalidInput(subject, expected, f"{received}, which would take {taken} GB")


def callables(*, optional: bool = False, **values):
    """Check that each value is callable and not a class."""
    for name, value in values.items():
        holds = callable(value) and not isinstance(value, type)
        holds = holds or (optional and value is None)
        check(name, value, holds, _or_none("a function", optional))


def integer_tuples(*, length: int | None = None, empty: bool = False, at_least: int = 1, **values):
    """Check that each value is a tuple or list of integers of at least `at_least`."""
    many = f"{length} " if length is not None else "" if empty else "at least one "
    kind = "positive integer" if at_least == 1 else f"integer of at least {at_least}"
    plural = "s" if length is None and empty else "" if length in (None, 1) else "s"
    expected = f"a tuple of {many}{kind}{plural}"
    for name, value in values.items():
        holds = isinstance(value, (tuple, list)) and all(is_integer(n, at_least) for n in value)
        holds = holds and (len(value) == length if length is not None else empty or len(value) > 0)
        check(name, value, holds, expected)


def positive_tuples(*, length: int | None = None, **values):
    """Check that each value is a tuple or list of numbers above 0.

    Args:
        length: int, how many numbers; by default any number but none.

    Example:
        >>> positive_tuples(length=2, scales=(0.5, 1))
    """
    many = "" if length is None else f"{length} "
    for name, value in values.items():
        listed = isinstance(value, (tuple, list)) and len(value) > 0
        holds = listed and all(is_number(number) and number > 0 for number in value)
        holds = holds and length in (None, len(value))
        check(name, value, holds, f"a tuple of {many}positive numbers")


def rows(columns: str, **values):
    """Check that each value is a tuple of rows, one for each stage or block of a network.

    Args:
        columns: str, the names of a row's parts, such as "filters, repeats, strides".
    """
    width, expected = len(columns.split(", ")), f"a tuple of tuples ({columns})"
    for name, value in values.items():
        listed = isinstance(value, (tuple, list)) and len(value) > 0
        holds = listed and all(isinstance(r, (tuple, list)) and len(r) == width for r in value)
        check(name, value, holds, expected)


def sizes(**values):
    """Check that each value is a kernel's or window's size: a positive integer or a pair of them.

    Example:
        >>> sizes(kernel_size=(1, 7), strides=2)
    """
    for name, value in values.items():
        pair = isinstance(value, (tuple, list)) and len(value) == 2 and all(map(is_integer, value))
        check(name, value, is_integer(value) or pair, "a positive integer or a pair of them")


def shapes(*, rank: int | None = None, known: bool = False, **values):
    """Check that each value is a shape: positive integers, and `None` unless `known`.

    Args:
        rank: int, the number of dimensions; by default any number above 0.
        known: bool, whether `None` is refused.
    """
    dimensions = f"{rank} dimensions" if rank else "at least one dimension"
    expected = f"a shape of {dimensions}, {'positive integers' if known else 'integers or None'}"
    for name, value in values.items():
        holds = isinstance(value, (tuple, list)) and len(value) > 0
        holds = holds and all(is_integer(n) or (n is None and not known) for n in value)
        check(name, value, holds and rank in (None, len(value)), expected)


def image_shapes(*, smallest: int = 1, any_size: bool = False, **values):
    """Check that each value is (height, width, channels), with sides of at least `smallest`.

    Args:
        smallest: int, the pixels of a side that the network needs.
        any_size: bool, whether height and width may be `None`.
    """
    either = " or None" if any_size else ""
    expected = f"(height, width, channels), height and width at least {smallest}{either}"
    for name, value in values.items():
        holds = isinstance(value, (tuple, list)) and len(value) == 3 and is_integer(value[2])
        holds = holds and all(
            (any_size and side is None) or is_integer(side, smallest) for side in value[:2]
        )
        check(name, value, holds, expected)


def choices(options: Sequence, **values):
    """Check that each value is one of the options."""
    for name, value in values.items():
        errors.one_of(f"value for argument `{name}`", value, options)


def activations(**values):
    """Check that each value is an activation function of Keras: its name, or a function."""
    import keras

    for name, value in values.items():
        try:
            holds = keras.activations.get(value) is not None
        except (TypeError, ValueError):
            holds = False
        check(name, value, holds, "the name of an activation of Keras")


def model_options(*, name=None, dtype=None, **_):
    """Check the arguments of every Keras layer and model: `name` and `dtype`."""
    import keras

    holds = name is None or (isinstance(name, str) and name and "/" not in name)
    check("name", name, holds, "a text without /")
    try:
        holds = dtype is None or keras.dtype_policies.get(dtype) is not None
    except (TypeError, ValueError):
        holds = False
    check("dtype", dtype, holds, "a precision of Keras, such as float32 or mixed_bfloat16")


def inputs(
    layer,
    shape,
    expected: str,
    unknown: Sequence[str] = ("batch", "height", "width", "time", "source"),
):
    """Check that an input has the dimensions that a layer needs.

    Args:
        layer: Whose input it is.
        shape: Of the input: a tuple, a list or a TensorShape.
        expected: str, the names of the dimensions, such as "batch, height, width, channels".
        unknown: Names of the dimensions that may be `None`.
    """
    names, sizes = expected.split(", "), dimensions(shape)
    if not (sizes is not None and len(sizes) == len(names)) or any(
        n is None and m not in unknown for n, m in zip(sizes, names, strict=True)
    ):
        known = [name for name in names if name not in unknown]
        also = f" with known {' and '.join(known)}" if known else ""
        subject = f"input of {type(layer).__name__}"
        raise errors.InvalidInput(subject, f"shape ({expected}){also}", shape)


def dimensions(shape) -> tuple | None:
    """Return a shape as a tuple, or `None` if it is not a shape, such as a list of shapes.

    >>> dimensions([None, 8]), dimensions([(2, 3), (2, 4)])
    ((None, 8), None)
    """
    if hasattr(shape, "as_list"):  # a TensorShape
        return None if shape.rank is None else tuple(shape.as_list())
    if not isinstance(shape, (tuple, list)):
        return None
    return tuple(shape) if all(n is None or is_integer(n, 0) for n in shape) else None


def several(layer, shapes, counts: Sequence[int], expected: str):
    """Check that a layer gets one of the given numbers of inputs."""
    each = isinstance(shapes, (tuple, list)) and all(dimensions(s) is not None for s in shapes)
    if not each or len(shapes) not in counts:
        raise errors.InvalidInput(f"input of {type(layer).__name__}", expected, shapes)


def shaped(layer, shape, expected, what: str = "input"):
    """Check that a shape equals the expected one wherever both are known.

    Args:
        layer: The layer or metric whose input it is.
        shape: Of the input.
        expected: A shape; `None` for a dimension that may have any size.
        what: str, which input it is.
    """
    sizes, expected = dimensions(shape), tuple(expected)
    if (
        sizes is None
        or len(sizes) != len(expected)
        or any(n != m for n, m in zip(sizes, expected, strict=True) if None not in (n, m))
    ):
        subject = f"{what} of {type(layer).__name__}"
        raise errors.InvalidInput(subject, f"shape {expected}", shape)


def _or_none(expected, optional):
    return f"{expected} or None" if optional else expected
