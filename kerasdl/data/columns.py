"""Columns of a table: encode them the same way in training and prediction."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Column:
    """Standardize a column as on the training split; words are one-hot encoded first.

        z = (x - mean) / deviation

    Args:
        name: str, heading of the column.
        words: tuple of str, the words of the training split, each a number of the input; None for
            a column of numbers.
        mean: tuple of float, of the training split, for each number of the input.
        deviation: tuple of float, standard deviations; 1 where the training split is constant.
    """

    name: str
    words: tuple | None
    mean: tuple
    deviation: tuple

    @classmethod
    def fit(cls, name: str, values: np.ndarray, train: np.ndarray) -> "Column":
        """Return the column with the statistics of some rows.

        Args:
            name: str, heading of the column.
            values: Array of numbers or words, (rows,).
            train: The rows of the training split.
        """
        part, words = values[train], None
        if part.dtype.kind == "U":
            found, counts = np.unique(part, return_counts=True)
            words, mean = tuple(found.tolist()), counts / len(part)
            deviation = np.sqrt(mean * (1 - mean))  # of zeros and ones
        else:
            mean, deviation = part[:, None].mean(axis=0), part[:, None].std(axis=0)
        deviation[deviation == 0] = 1
        return cls(name, words, tuple(mean.tolist()), tuple(deviation.tolist()))

    def standardized(self, values: np.ndarray) -> np.ndarray:
        """Encode numbers or words, (rows,), as float32 (rows, numbers of the input)."""
        if not self.words:
            return ((values[:, None] - self.mean) / self.deviation).astype("float32")
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        encoded = np.empty((len(values), len(self.words)), "float32")
        encoded[:] = -mean / deviation
        numbers = {word: number for number, word in enumerate(self.words)}
        # a word that is not in the training split is none of the known ones
        column = np.array([numbers.get(value, -1) for value in values.tolist()], int)
        rows = np.flatnonzero(column >= 0)
        encoded[rows, column[rows]] = ((1 - mean) / deviation)[column[rows]]
        return encoded

    def __str__(self):
        names = [f"{self.name} is {word}" for word in self.words or ()] or [self.name]
        parts = zip(names, self.mean, self.deviation, strict=True)
        return ", ".join(f"({name} - {mean:.6g}) / {scale:.6g}" for name, mean, scale in parts)


def inputs(columns: Sequence[Column], table: dict[str, np.ndarray]) -> np.ndarray:
    """Encode the values of a table, by column name, as vectors in the order of `columns`."""
    return np.concatenate([column.standardized(table[column.name]) for column in columns], axis=1)
