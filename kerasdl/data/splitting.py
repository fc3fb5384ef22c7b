"""Divide examples into training, validation and test splits."""

from typing import Any

import numpy as np

from kerasdl import errors
from kerasdl.data.examples import count, take
from kerasdl.utils import checks


def hold_out(arrays: Any, validation: float) -> tuple:
    """Hold out the last fraction of nested arrays, as `validation_split` of Keras does.

    Args:
        arrays: Array, or tuple or dictionary of arrays.
        validation: float, fraction of the examples to hold out, in [0, 1).

    Returns:
        The rest, and what is held out or None.
    """
    checks.fractions(validation=validation)
    kept = int(count(arrays) * (1 - validation))
    if not kept:
        expected = "a fraction that leaves something to train on"
        raise errors.InvalidInput("value for option `validation`", expected, validation)
    if kept == count(arrays):
        return arrays, None
    return take(arrays, slice(kept)), take(arrays, slice(kept, None))


def in_sequence(arrays: Any) -> tuple:
    """Divide into the first eight tenths, one tenth and one tenth, in the order of the examples."""
    total = count(arrays)
    first, second = total * 8 // 10, total * 9 // 10
    return tuple(take(arrays, slice(*ends)) for ends in ((first,), (first, second), (second, None)))


def rows_of_splits(
    labels: np.ndarray, seed: int, validation: float, test: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the rows of a stratified split: each class is divided by the same fractions.

    Numbers are rounded so that a class of few examples gives them to the training split first.

    Args:
        labels: Class of each example; zeros if there are no classes.
        seed: int, the rows depend on it.
        validation: float, fraction of the examples to validate on, in [0, 1).
        test: float, fraction of the examples to test on, in [0, 1).

    Returns:
        Sorted rows to train on, to validate on and to test on.
    """
    checks.fractions(validation=validation, test=test)
    if validation + test >= 1:
        expected = "fractions that leave something to train on"
        raise errors.InvalidInput("options `validation` and `test`", expected, (validation, test))
    rng = np.random.default_rng(seed)
    splits: tuple[list[np.ndarray], ...] = ([], [], [])
    _, counts = np.unique(labels, return_counts=True)
    by_class = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    for rows in map(rng.permutation, by_class):
        # 1e-9: 0.1 + 0.2 of 10 rows is 3, not 2
        ends = [int(len(rows) * fraction + 1e-9) for fraction in (test, test + validation)]
        tested, validated, trained = np.split(rows, ends)
        for split, part in zip(splits, (trained, validated, tested), strict=True):
            split.append(part)
    to_train, to_validate, to_test = (np.sort(np.concatenate(split)) for split in splits)
    if not len(to_train):
        expected = "fractions that leave something to train on"
        raise errors.InvalidInput("options `validation` and `test`", expected, (validation, test))
    return to_train, to_validate, to_test


def cut(found: dict[str, list], seed: int, validation: float, test: float) -> dict[str, list]:
    """Return the examples of three splits, those that are missing cut from the training split.

    Args:
        found: dict from "train", and perhaps the other splits, to lists of examples.
        seed: int, the cut depends on it.
        validation: float, fraction of the training examples to validate on.
        test: float, fraction of them to test on.

    >>> cut({"train": [1, 2, 3, 4], "test": [5]}, 0, validation=0.25, test=0.5)
    {'train': [1, 2, 4], 'validation': [3], 'test': [5]}
    """
    fractions = (0 if "validation" in found else validation, 0 if "test" in found else test)
    train = found["train"]
    rows = rows_of_splits(np.zeros(len(train)), seed, *fractions)
    parts = ([train[row] for row in part] for part in rows)
    return dict(zip(("train", "validation", "test"), parts, strict=True)) | {
        split: examples for split, examples in found.items() if split != "train"
    }


def check_enough(subject: str, parts: dict, what: str) -> None:
    """Raise `InvalidInput` unless there are examples to train and to test on.

    Args:
        subject: str, the data, for the error.
        parts: dict, the examples of each split.
        what: str, what they are, such as "images".
    """
    if not len(parts["train"]) or not len(parts["test"]):
        received = f"{sum(map(len, parts.values()))} {what}"
        raise errors.InvalidInput(subject, f"enough {what} to train and test", received)
