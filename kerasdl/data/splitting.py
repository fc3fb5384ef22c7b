"""Cutting arrays into splits, and checking the options that say how."""

import numpy as np

from kerasdl import errors


def take(arrays, rows):
    """The given rows of nested arrays."""
    if isinstance(arrays, dict):
        return {name: take(array, rows) for name, array in arrays.items()}
    if isinstance(arrays, tuple):
        return tuple(take(array, rows) for array in arrays)
    return arrays[rows]


def count(arrays):
    """The number of examples in nested arrays."""
    while isinstance(arrays, (dict, tuple)):
        arrays = next(iter(arrays.values())) if isinstance(arrays, dict) else arrays[0]
    return len(arrays)


def hold_out(arrays, validation):
    """Cut a share off the end, as Keras's `validation_split`: (the rest, the end or `None`)."""
    check_share("validation", validation)
    kept = int(count(arrays) * (1 - validation))
    if kept == count(arrays):
        return arrays, None
    return take(arrays, slice(kept)), take(arrays, slice(kept, None))


def in_sequence(arrays):
    """Train, validation and test, in this order: eight, one and one tenths."""
    total = count(arrays)
    first, second = total * 8 // 10, total * 9 // 10
    return tuple(take(arrays, slice(*ends)) for ends in ((first,), (first, second), (second, None)))


def rows_of_splits(labels, seed, validation, test):
    """Rows for train, validation and test: at random, in the same shares for each class.

    A class of few examples gives them to the training split first. Without classes, pass zeros.
    """
    check_share("validation", validation)
    check_share("test", test)
    if validation + test >= 1:
        expected = "shares that leave something to train on"
        raise errors.InvalidInput("options `validation` and `test`", expected, (validation, test))
    rng = np.random.default_rng(seed)
    splits = ([], [], [])
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        ends = [int(len(rows) * share + 1e-9) for share in (test, test + validation)]
        tested, validated, trained = np.split(rows, ends)
        for split, part in zip(splits, (trained, validated, tested), strict=True):
            split.append(part)
    return tuple(np.sort(np.concatenate(split)) for split in splits)


def check_share(name, share):
    if isinstance(share, bool) or not (isinstance(share, (int, float)) and 0 <= share < 1):
        raise errors.InvalidInput(f"value for option `{name}`", "a share in [0, 1)", share)


def check_number(name, value, largest=1e6, kind="option"):
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (real and 0 <= value <= largest):
        expected = f"a number from 0 to {largest:,.0f}"
        raise errors.InvalidInput(f"value for {kind} `{name}`", expected, value)


def check_integer(name, value, smallest, kind="option"):
    if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
        expected = f"an integer of at least {smallest}"
        raise errors.InvalidInput(f"value for {kind} `{name}`", expected, value)
