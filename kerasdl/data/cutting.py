"""Cutting arrays into splits."""

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


def check_share(name, share):
    if not (isinstance(share, (int, float)) and 0 <= share < 1):
        raise errors.InvalidInput(f"value for option `{name}`", "a share in [0, 1)", share)


def hold_out(arrays, validation):
    """Cut a share off the end: (the rest, the end or `None`)."""
    check_share("validation", validation)
    kept = count(arrays) - round(validation * count(arrays))
    if kept == count(arrays):
        return arrays, None
    return take(arrays, slice(kept)), take(arrays, slice(kept, None))


def rows_of_splits(labels, seed, shares=(0.8, 0.1, 0.1)):
    """Rows for train, validation and test: at random, in the same shares for each class.

    A class of few examples gives them to the training split first. Without classes, pass zeros.
    """
    rng = np.random.default_rng(seed)
    splits = ([], [], [])
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        ends = np.floor(len(rows) * np.cumsum(shares[::-1]) + 1e-9).astype(int)  # test first
        test, validation, train = np.split(rows, ends[:2])
        for split, part in zip(splits, (train, validation, test), strict=True):
            split.append(part)
    return tuple(np.sort(np.concatenate(split)) for split in splits)
