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
