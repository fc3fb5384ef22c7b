"""Read arrays in memory, and .npz files of arrays."""

import os
import zipfile
import zlib
from typing import Any

import numpy as np

from kerasdl import errors
from kerasdl.data import in_memory, kinds, splitting
from kerasdl.data.examples import nested, take
from kerasdl.data.splits import NAMES, Source
from kerasdl.utils import checks

# names of arrays in a file: `x_train`, `y_train`, `x_test`, ...; `x` and `y`, `images` and `labels`
INPUTS = ("x", "X", "inputs", "images", "data", "features")
TARGETS = ("y", "Y", "targets", "labels", "target")
ENDINGS = {
    "train": ("_train", ""),
    "validation": ("_validation", "_valid", "_val"),
    "test": ("_test",),
}
MANY = 1000  # more different integers are numbers, unless `task` says otherwise


def read(value, seed, task=None, validation=0.1, test=0.2) -> Source:
    """Arrays (inputs, targets), or those of the splits `train`, `validation` and `test`.

    In a .npz file they are called `x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`.

    Inputs are used as they are, except that bytes of images are scaled to [0, 1]. Integers and
    texts as targets are classes, as are one-hot rows. Other rows of zeros and ones are tags, of
    which an example may have any number. Floats are predicted as numbers, one or several for each
    example, standardized with the statistics of the training split.

    task: str, "classification", "tags" or "regression" to say what the targets are; or another kind
        of data (see `kerasdl.data.kinds`), whose arrays are used as they are.
    validation, test: float, fractions of the training examples for splits that are not given, drawn
        with the seed and stratified by class.
    """
    if task is not None:
        checks.choices(kinds.names(), task=task)
    given = _of_file(value) if isinstance(value, (str, os.PathLike)) else value
    found = {split: (_inputs(pair[0]), nested(_plain, pair[1])) for split, pair in given.items()}
    targets = {split: pair[1] for split, pair in found.items()}
    task, notes = (task, ()) if task else _task_of(targets["train"])
    classes = outputs = None
    if task == "classification":
        classes, targets = _labels(targets)
    elif task == "tags":
        classes, targets = _tags(targets)
    elif task == "regression":
        targets = {split: _numbers(part) for split, part in targets.items()}
    parts = {split: (pair[0], targets[split]) for split, pair in found.items()}
    fractions = [0 if s in parts else f for s, f in zip(NAMES[1:], (validation, test), strict=True)]
    labels = targets["train"] if task == "classification" else np.zeros(_count(found["train"]), int)
    rows = splitting.rows_of_splits(labels, seed, *fractions)
    cut = {s: take(parts["train"], part) for s, part in zip(NAMES, rows, strict=True) if len(part)}
    parts = cut | {split: parts[split] for split in NAMES[1:] if split in parts}
    scale: Any = None
    if task == "regression":
        each = [np.ascontiguousarray(numbers) for numbers in parts["train"][1].T]
        scale = tuple(float(n.mean()) for n in each), tuple(float(n.std()) or 1.0 for n in each)
        if len(each) > 1:
            outputs = tuple(map(str, range(len(each))))
        else:
            scale = scale[0][0], scale[1][0]
        parts = {split: (x, _standardized(y, *scale)) for split, (x, y) in parts.items()}
    if "test" not in parts:
        expected = "enough examples to train and to test"
        raise errors.InvalidInput("data in memory", expected, f"{_count(found['train'])} examples")
    every: dict[str, Any] = {split: parts.get(split) for split in NAMES}
    facts: dict[str, Any] = {"classes": classes, "target_scale": scale, "outputs": outputs}
    facts["notes"] = notes
    return Source(task, **every, **facts)


def _count(pair):
    return len(in_memory.leaves(pair)[0])


def _plain(array):
    """Return an array with the dtype that networks take: float32, int32, or bytes and texts."""
    if array.dtype.kind in "iub" and array.dtype != np.uint8:
        if array.dtype.kind != "b" and not -(2**31) <= array.min() <= array.max() < 2**31:
            received = f"from {array.min()} to {array.max()}"
            raise errors.InvalidInput("data in memory", "integers of 32 bits", received)
        return array.astype("int32")
    return array.astype("float32") if array.dtype.kind == "f" else array


def _inputs(arrays):
    def changed(array):
        if array.dtype.kind == "U":
            expected = "numbers (a table with texts is a DataFrame or a dictionary of columns)"
            raise errors.InvalidInput("inputs in memory", expected, "texts")
        if array.ndim == 3 and array.dtype == np.uint8:
            return array[..., None]  # gray images
        if array.dtype == bool or (array.ndim == 2 and array.dtype == np.uint8):
            return array.astype("float32")
        return _plain(array)

    return nested(changed, arrays)


def _task_of(targets):
    """Return what the targets are, and notes about what may be taken otherwise."""
    if not isinstance(targets, np.ndarray):
        expected = "an array, or option `task` to say what they are"
        raise errors.InvalidInput("targets in memory", expected, type(targets).__name__)
    column = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if column.ndim == 1 and column.dtype.kind in "iu":
        count = len(np.unique(column))
        as_class = count <= MANY
        this, other = ("classes", "regression") if as_class else ("numbers", "classification")
        note = f"targets: {count:,} different integers, taken as {this} (task='{other}' if not)"
        return "classification" if as_class else "regression", (note,)
    if column.dtype.kind == "U" or _is_one_hot(targets):
        return "classification", ()
    if column.ndim == 2 and np.isin(targets, (0, 1)).all():
        note = f"targets: {targets.shape[1]:,} columns of zeros and ones, taken as tags"
        return "tags", (f"{note} (task='regression' if not)",)
    return "regression", ()


def _is_one_hot(targets):
    if targets.ndim != 2 or targets.shape[1] < 2 or targets.dtype.kind == "U":
        return False
    return bool(np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all())


def _labels(targets):
    """Return the names of the classes, and the targets as their numbers."""
    first = targets["train"]
    if isinstance(first, np.ndarray) and _is_one_hot(first):
        labels = {split: part.argmax(axis=1).astype("int32") for split, part in targets.items()}
        return tuple(map(str, range(first.shape[1]))), labels
    columns = {split: _column(part, "a class") for split, part in targets.items()}
    names = np.unique(np.concatenate(list(columns.values())))
    if len(names) < 2:
        raise errors.InvalidInput("targets in memory", "at least two classes", names.tolist())
    labels = {s: np.searchsorted(names, part).astype("int32") for s, part in columns.items()}
    whole = names.dtype.kind == "f" and np.array_equal(names, names.round())
    return tuple(str(int(name)) if whole else str(name) for name in names.tolist()), labels


def _tags(targets):
    """Return the names of the tags, and the targets as zeros and ones."""
    first = targets["train"]
    holds = isinstance(first, np.ndarray) and first.ndim == 2 and first.dtype.kind != "U"
    if not (holds and np.isin(first, (0, 1)).all()):
        received = checks.shown(first) if isinstance(first, np.ndarray) else type(first).__name__
        expected = "zeros and ones of shape (examples, tags)"
        raise errors.InvalidInput("targets in memory", expected, received)
    found = {split: np.asarray(part).astype("float32") for split, part in targets.items()}
    return tuple(map(str, range(first.shape[1]))), found


def _numbers(targets):
    several = isinstance(targets, np.ndarray) and targets.ndim == 2
    numbers = targets if several else _column(targets, "a number")
    if numbers.dtype.kind == "U":
        received = f"texts, such as {numbers.ravel()[0]!r}"
        raise errors.InvalidInput("targets in memory", "numbers", received)
    return numbers.astype("float64").reshape(len(numbers), -1)


def _column(targets, what):
    flat = targets
    if isinstance(targets, np.ndarray) and targets.ndim == 2 and targets.shape[1] == 1:
        flat = targets[:, 0]
    if not isinstance(flat, np.ndarray) or flat.ndim != 1:
        received = f"shape {flat.shape}" if isinstance(flat, np.ndarray) else type(flat).__name__
        expected = f"{what} for each example, shape (examples,)"
        raise errors.InvalidInput("targets in memory", expected, received)
    return flat


def _standardized(numbers, mean, deviation):
    return ((numbers - mean) / deviation).astype("float32")


def holds_images(path) -> bool:
    """Return whether a .npz file seems to hold images; only headers are read."""
    names = [name + ending for ending in ENDINGS["train"] for name in INPUTS]
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            name = next(f"{name}.npy" for name in names if f"{name}.npy" in members)
            with archive.open(name) as file:
                first = np.lib.format.read_magic(file) == (1, 0)
                header = np.lib.format
                read = header.read_array_header_1_0 if first else header.read_array_header_2_0
                shape, _, dtype = read(file)
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile):
        return False  # `read` says what is wrong
    return in_memory.are_images(shape, dtype)


def _of_file(path) -> dict:
    """Return the splits in a .npz file."""
    try:
        # `np.load` does not close a file that it cannot read
        with open(path, "rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise errors.InvalidInput(f"file `{path}`", "arrays in NumPy's .npz", reason) from None
    found = {}
    for split, endings in ENDINGS.items():
        pair = [
            [arrays[n + e] for e in endings for n in names if n + e in arrays]
            for names in (INPUTS, TARGETS)
        ]
        if all(pair):
            found[split] = (pair[0][0], pair[1][0])
    if "train" not in found:
        expected = "arrays `x` and `y`, or `x_train` and `y_train`"
        raise errors.InvalidInput(f"file `{path}`", expected, ", ".join(arrays) or "none")
    return in_memory.named(found).value
