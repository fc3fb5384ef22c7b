"""The base class of model files: size, metadata, and `predict` with checked inputs."""

import abc
import functools
import os
import pathlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export.metadata import Metadata
from kerasdl.utils import checks
from kerasdl.utils.types import Arrays

MOST_THREADS = 1024  # no device has more cores


class ModelFile(abc.ABC):
    """A model file that can be run.

    A subclass for a format defines `call(**arrays)`, which returns the outputs of one batch by
    name, and `runner()`, which returns a function that runs the file on inputs set in advance.

    Args:
        path: Path of the file.
        threads: int, number of threads that run it, at most 1,024.
    """

    suffix: str

    def __init__(self, path: str | os.PathLike, threads: int = 1):
        checks.paths(path=path)
        checks.integers(threads=threads, limit=MOST_THREADS)
        self.path = pathlib.Path(path)
        self.threads = int(threads)
        if not self.path.is_file():
            raise InvalidInput("file", f"a {self.suffix} file that exists", self.path)

    def __repr__(self):
        return f"{type(self).__name__}({str(self.path)!r}, {self.size:,} bytes)"

    @abc.abstractmethod
    def call(self, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs of one batch by name."""

    @abc.abstractmethod
    def runner(self) -> Callable[[], object]:
        """Return a function that runs the file on made-up inputs, for measuring its latency."""

    @property
    @abc.abstractmethod
    def inputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """Shape (-1 for a free size) and type of each input, by name, in the model's order."""

    @property
    @abc.abstractmethod
    def outputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """Shape and type of each output, by name, in the model's order."""

    @property
    def input_scales(self) -> dict[str, tuple[float, int]]:
        """Scale and zero point of each input that is quantized, by name.

        value = scale * (integer - zero point)
        """
        return {}

    @property
    def output_scales(self) -> dict[str, tuple[float, int]]:
        """Scale and zero point of each output that is quantized, by name."""
        return {}

    @property
    @abc.abstractmethod
    def metadata(self) -> Metadata:
        """Labels, description, input range and more, if the file has them."""

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return self.path.stat().st_size

    @functools.cached_property
    def zipped_size(self) -> int:
        """Size in bytes after zip compression, the size of a download, which zeros reduce."""
        return len(zlib.compress(self.path.read_bytes(), level=9))

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each class, in the order of the outputs."""
        return self.metadata.labels

    @property
    def description(self) -> str:
        """What the model does and what its input means."""
        return self.metadata.description

    def predict(self, x: Arrays) -> np.ndarray | Any:
        """Return the outputs for any number of examples.

        A file with a fixed batch size is called as often as needed. For a file that takes and
        returns quantized integers, inputs are quantized, unless they have the file's integer type,
        and outputs become floats.

        Args:
            x: An array. For several inputs, a tuple or list of arrays in the order of `inputs`,
                which is the model's, or a dict of arrays by name.
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
        for name, (scale, zero) in self.output_scales.items():
            outputs[name] = np.float32(scale) * (outputs[name].astype("float32") - zero)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def _arrays(self, x):
        """The inputs by name, in the file's types."""
        if not isinstance(x, dict):
            parts = x if isinstance(x, tuple | list) else [x]
            if len(self.inputs) > 1 and len(parts) != len(self.inputs):
                expected = f"{len(self.inputs)} arrays: {', '.join(self.inputs)}"
                raise InvalidInput(f"inputs of {self.path}", expected, f"{len(parts)}")
            x = dict(zip(self.inputs, parts, strict=False))
        arrays = {name: np.asarray(array) for name, array in x.items()}
        for name, (shape, dtype) in self.inputs.items():
            array = arrays.get(name, np.zeros(()))
            if name in self.input_scales and array.dtype != dtype and array.dtype.kind in "iuf":
                if np.isnan(array).any():
                    raise InvalidInput(f"input `{name}`", "numbers", "NaN")
                array = quantized(array, *self.input_scales[name], dtype)
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


def quantized(values: np.ndarray, scale: float, zero: int, dtype: np.dtype) -> np.ndarray:
    """Return the integers that stand for values, in [-128, 127] for int8.

        q = clip(round(value / scale) + zero point)

    >>> quantized(np.array([0, 0.5, 9]), 0.25, -3, np.dtype("int8"))
    array([-3, -1, 33], dtype=int8)
    """
    limits = np.iinfo(dtype)
    integers = np.round(values / np.float32(scale)) + zero
    return np.clip(integers, limits.min, limits.max).astype(dtype)


def random_input(shape, dtype) -> np.ndarray:
    """Return random floats, or zeros for integers: token 0 is in every vocabulary.

    A free size becomes 1.
    """
    shape = np.abs(shape)
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(shape, dtype)
    return np.random.default_rng(0).random(shape).astype(dtype)
