"""How a column of a table becomes a part of an input: in training, and ever after."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Column:
    """A column standardised as on the training split; of words, one-hot before that.

        z = (x - mean) / deviation

    Args:
        name: Its heading.
        words: The words that training showed, each a number of the input; `None` for numbers.
        mean: Of the training split, for each number of the input.
        deviation: The same; 1 where the training split is constant.
    """

    name: str
    words: tuple | None
    mean: tuple
    deviation: tuple

    @classmethod
    def fit(cls, name: str, values: np.ndarray, train: np.ndarray) -> "Column":
        """The column of `values`, (rows,), as its rows `train` have it."""
        words = tuple(np.unique(values[train]).tolist()) if values.dtype.kind == "U" else None
        part = _block(values[train], words)
        deviation = part.std(axis=0)
        deviation[deviation == 0] = 1
        return cls(name, words, tuple(part.mean(axis=0).tolist()), tuple(deviation.tolist()))

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Numbers or words, (rows,), as (rows, numbers of the input)."""
        return ((_block(values, self.words) - self.mean) / self.deviation).astype("float32")

    def __str__(self):
        names = [f"{self.name} is {word}" for word in self.words or ()] or [self.name]
        parts = zip(names, self.mean, self.deviation, strict=True)
        return ", ".join(f"({name} - {mean:.6g}) / {scale:.6g}" for name, mean, scale in parts)


def inputs(columns, table: dict) -> np.ndarray:
    """{name: values} as vectors, in the order of `columns`."""
    return np.concatenate([column.standardised(table[column.name]) for column in columns], axis=1)


def _block(values, words):
    # a word that training did not show is none of the known ones
    return values[:, None] == np.array(words) if words else values[:, None]
