"""What files of every format have in common: a size, a card, and inputs that must fit."""

import functools
import os
import pathlib
import zlib

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export.card import Card


class ModelFile:
    """A file that can be run.

    A format gives `call(**arrays)`, the outputs by name for one batch, and `runner()`, a function
    that runs the file on made-up inputs, which lie in their place already.

    Args:
        path: The file.
        threads: Threads that run it.
    """

    suffix: str
    card: Card
    inputs: dict[str, tuple[tuple[int, ...], np.dtype]]  # shape, -1 where it is free, and type
    outputs: dict[str, tuple[tuple[int, ...], np.dtype]]

    def __init__(self, path: str | os.PathLike, threads: int = 1):
        self.path = pathlib.Path(path)
        self.threads = threads
        if not self.path.is_file():
            raise InvalidInput("file", f"a {self.suffix} file that exists", self.path)

    def __repr__(self):
        return f"{type(self).__name__}({str(self.path)!r}, {self.size:,} bytes)"

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @functools.cached_property
    def zipped_size(self) -> int:
        """Bytes when compressed, which is what a download costs and where compression shows."""
        return len(zlib.compress(self.path.read_bytes(), level=9))

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each class, in the order of the outputs."""
        return self.card.labels

    @property
    def description(self) -> str:
        """What the model does and what its input means."""
        return self.card.description

    def predict(self, x):
        """The outputs for any number of examples: an array, or a dict of arrays for several.

        A file with a fixed batch size runs as often as it takes.
        """
        arrays = self._arrays(x)
        count = min(map(len, arrays.values()))
        fixed = {shape[0] for shape, _ in self.inputs.values()} - {-1}
        step = max(fixed, default=64)
        if fixed and count % step:  # fill the last batch with copies
            order = np.arange(-(-count // step) * step) % count
            arrays = {name: array[order] for name, array in arrays.items()}
        batches = [
            self.call(**{name: array[i : i + step] for name, array in arrays.items()})
            for i in range(0, count, step)
        ]
        outputs = {n: np.concatenate([b[n] for b in batches])[:count] for n in self.outputs}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def _arrays(self, x):
        """The inputs by name and in the file's types."""
        if not isinstance(x, dict):
            x = dict(zip(self.inputs, x if isinstance(x, tuple | list) else [x], strict=False))
        arrays = {name: np.asarray(array) for name, array in x.items()}
        for name, (shape, dtype) in self.inputs.items():
            array = arrays.get(name, np.zeros(()))
            fits = (
                array.ndim == len(shape)
                and len(array)
                and all(n in (-1, m) for n, m in zip(shape[1:], array.shape[1:], strict=True))
            )
            if not fits or not np.can_cast(array.dtype, dtype, "same_kind"):
                received = f"{array.shape} of {array.dtype}" if name in arrays else "none"
                expected = f"{('batch', *shape[1:])} of {dtype}".replace("'", "")
                raise InvalidInput(f"input `{name}`", expected, received)
            arrays[name] = array.astype(dtype, copy=False)
        return {name: arrays[name] for name in self.inputs}


def made_up(shape, dtype) -> np.ndarray:
    """Random floats, or zeros: a token that every vocabulary has. A free size is 1."""
    shape = np.abs(shape)
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(shape, dtype)
    return np.random.default_rng(0).random(shape).astype(dtype)
