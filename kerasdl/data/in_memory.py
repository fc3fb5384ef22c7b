"""Data in memory: arrays, data frames, tf.data pipelines and Keras's PyDataset."""

import hashlib
import os
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from kerasdl import errors
from kerasdl.utils import checks

PREFIX = "memory:"
SPLITS = ("train", "validation", "test")
PAIR = "a pair (inputs, targets) of arrays"


class Table(NamedTuple):
    """A data frame, and the name of the column to predict if the data say which."""

    frame: Any
    target: str | None = None


class InMemory(str):
    """The name of data in memory, "memory:" and a fingerprint, which also holds the data.

    As a string it goes wherever the name of a dataset goes, such as into a recipe and the
    config.json of its run. The same arrays have the same name in every process, so a run can be
    resumed with them and refuses others.

    Args:
        value: `Table`, or a dictionary of (inputs, targets) by split.

    >>> import numpy as np
    >>> named((np.zeros((4, 2)), np.arange(4)))
    'memory:ff79461dbd9e9cc2'
    """

    value: Any

    def __new__(cls, value: Any):
        name = super().__new__(cls, PREFIX + _fingerprint(value))
        name.value = value
        return name

    def __getnewargs__(self):
        return (self.value,)

    @property
    def reader(self) -> str:
        """The module of `kerasdl.data.readers` that reads such data."""
        return "table" if isinstance(self.value, Table) else "arrays"

    @property
    def holds_images(self) -> bool:
        """Whether the inputs are images, as `readers.arrays` takes them."""
        if isinstance(self.value, Table):
            return False
        inputs = self.value["train"][0]
        if isinstance(inputs, (tuple, dict)):
            return False
        return are_images(inputs.shape, inputs.dtype)


def are_images(shape: tuple, dtype: Any) -> bool:
    """Return whether inputs of a shape are taken as images, gray ones if they have no channels."""
    return len(shape) == 4 or (len(shape) == 3 and dtype == "uint8")


def named(data: Any) -> Any:
    """Return data in memory as `InMemory`; names, paths and other values unchanged.

    Args:
        data: (inputs, targets), arrays or nested arrays; a `tf.data.Dataset` or a Keras
            `PyDataset` of such pairs, which is read once; a dictionary with any of these for
            "train" and, if wanted, "validation" and "test"; a pandas DataFrame, or a dictionary of
            columns; or a DataFrame and the values to predict.
    """
    if isinstance(data, (str, os.PathLike)):
        return data
    if _is_frame(data):
        return InMemory(Table(data))
    if isinstance(data, dict) and "train" in data and set(data) <= set(SPLITS):
        return InMemory({split: _pair(data[split]) for split in SPLITS if split in data})
    if isinstance(data, dict) and data:
        return InMemory(Table(_frame_of(data)))
    if isinstance(data, (tuple, list)) and len(data) == 2 and _is_frame(data[0]):
        return InMemory(_with_target(*data))
    if (isinstance(data, (tuple, list)) and len(data) == 2) or _batches(data) is not None:
        return InMemory({"train": _pair(data)})
    return data


def _is(value, package, name):
    """Return whether a value is an object of a class, without importing its package."""
    found = sys.modules.get(package)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is not None and isinstance(value, found)


def _is_frame(value):
    return _is(value, "pandas", "DataFrame")


def _frame_of(columns):
    import pandas

    try:
        return pandas.DataFrame(columns)
    except ValueError as error:
        expected = "columns of one length, or `train` with `validation` and `test`"
        raise errors.InvalidInput("dictionary of data", expected, error) from None


def _with_target(frame, values):
    name = getattr(values, "name", None) or "target"
    if name in frame or len(values) != len(frame):
        expected = f"{len(frame):,} values of a column that the table does not have"
        raise errors.InvalidInput("targets of the table", expected, f"{len(values):,}, `{name}`")
    return Table(frame.assign(**{str(name): list(values)}), str(name))


def _pair(data) -> tuple:
    batches = _batches(data)
    if batches is not None:
        return _gathered(batches)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise errors.InvalidInput("data in memory", PAIR, checks.shown(type(data).__name__))
    inputs, targets = map(_arrays, data)
    lengths = {len(array) for array in (*leaves(inputs), *leaves(targets))}
    if len(lengths) != 1:
        shapes = ", ".join(str(a.shape) for a in (*leaves(inputs), *leaves(targets)))
        raise errors.InvalidInput("data in memory", "arrays of one length", f"shapes {shapes}")
    return inputs, targets


def _arrays(value) -> Any:
    """Return an array, or tuples and dictionaries of arrays, as NumPy's."""
    import numpy as np

    if isinstance(value, dict):
        return {str(name): _arrays(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_arrays, value))
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:  # rows of different lengths
        raise errors.InvalidInput("data in memory", PAIR, error) from None
    if array.dtype == object and all(isinstance(part, str) for part in array.ravel()):
        array = array.astype(str)
    if not array.ndim or not array.size or array.dtype.kind not in "biufU":
        received = f"{array.dtype} of shape {array.shape}"
        raise errors.InvalidInput("data in memory", f"{PAIR} of numbers or texts", received)
    return array


def leaves(arrays: Any) -> list:
    """Return the arrays in nested tuples and dictionaries."""
    if isinstance(arrays, dict):
        arrays = tuple(arrays.values())
    return [a for part in arrays for a in leaves(part)] if isinstance(arrays, tuple) else [arrays]


def _batches(data) -> Iterable | None:
    """Return the batches of a `tf.data.Dataset` or a `PyDataset`; None for other data."""
    if _is(data, "tensorflow", "data.Dataset"):
        import tensorflow as tf

        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            expected = "a finite one (without `repeat`)"
            raise errors.InvalidInput("tf.data.Dataset", expected, "an infinite one")
        spec = data.element_spec
        if isinstance(spec, tuple) and len(spec) == 2:
            # batches of targets have a dimension more
            ranks = [tensor.shape.rank for tensor in tf.nest.flatten(spec[1])]
            data = data.batch(1024) if 0 in ranks else data
        return data.as_numpy_iterator()
    if _is(data, "keras", "utils.PyDataset"):
        return (data[i] for i in range(len(data)))
    return None


def _gathered(batches) -> tuple:
    """Return all examples of batches in an order that follows from their content.

    The order of a pipeline that shuffles differs from pass to pass, and the splits and the
    resumption of a run need the same examples in the same order.
    """
    import numpy as np

    parts, size = [], 0
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            count = len(batch) if isinstance(batch, (tuple, list)) else type(batch).__name__
            raise errors.InvalidInput("batch of the data", PAIR, checks.shown(count))
        parts.append(tuple(map(_arrays, batch)))
        size += sum(array.nbytes for array in leaves(parts[-1]))
        checks.memory(2 * size, data=type(batches).__name__)  # twice, when they are joined
    if not parts:
        raise errors.InvalidInput("data in memory", "at least one batch", "none")

    def joined(first, *others):
        if isinstance(first, dict):
            return {name: joined(*(part[name] for part in (first, *others))) for name in first}
        if isinstance(first, tuple):
            return tuple(joined(*same) for same in zip(first, *others, strict=True))
        return np.concatenate([first, *others])

    try:
        arrays = joined(*parts)
    except ValueError as error:
        expected = "batches whose examples have one shape"
        raise errors.InvalidInput("data in memory", expected, error) from None
    flat = [np.ascontiguousarray(array) for array in leaves(arrays)]
    digests = [
        hashlib.blake2b(b"".join(array[row].tobytes() for array in flat), digest_size=16).digest()
        for row in range(len(flat[0]))
    ]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))

    def ordered(part):
        if isinstance(part, dict):
            return {name: ordered(each) for name, each in part.items()}
        return tuple(map(ordered, part)) if isinstance(part, tuple) else part[order]

    return ordered(arrays)


def _fingerprint(value) -> str:
    """Return 16 hexadecimal digits that depend on all names, shapes, types and values."""
    import numpy as np

    digest = hashlib.blake2b(digest_size=8)

    def add(part):
        if isinstance(part, Table):
            text = part.frame.to_csv(index=False)
            digest.update(f"{part.target}\n{text}".encode("utf-8", "surrogatepass"))
        elif isinstance(part, dict):
            for name, each in part.items():
                digest.update(f"{name}:".encode())
                add(each)
        elif isinstance(part, tuple):
            for each in part:
                add(each)
        else:
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).view("uint8").data)

    add(value)
    return digest.hexdigest()
