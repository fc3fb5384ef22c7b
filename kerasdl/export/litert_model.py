"""A LiteRT file, opened as a phone opens it: without TensorFlow."""

import collections
import contextlib
import functools
import os
import pathlib
import sys
import zlib

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export import card


class LiteRTModel:
    """A `.tflite` file that can be run, and that tells what it is.

    Args:
        path: The file.
        threads: Threads of the interpreter.
    """

    def __init__(self, path: str | os.PathLike, threads: int = 1):
        self.path = pathlib.Path(path)
        self.threads = threads
        if not self.path.is_file():
            raise InvalidInput("file", "a .tflite file that exists", self.path)
        with self.path.open("rb") as file:
            if file.read(8)[4:] != b"TFL3":  # the flatbuffer's file identifier
                raise InvalidInput("file", "a LiteRT model", self.path)

    def __repr__(self):
        return f"LiteRTModel({str(self.path)!r}, {self.size:,} bytes)"

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @functools.cached_property
    def zipped_size(self) -> int:
        """Bytes when compressed, which is what a download costs and where compression shows."""
        return len(zlib.compress(self.path.read_bytes(), level=9))

    @functools.cached_property
    def card(self) -> card.Card:
        return card.read(self.path)

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each class, in the order of the outputs."""
        return self.card.labels

    @property
    def description(self) -> str:
        """What the model does and what its input means."""
        return self.card.description

    @functools.cached_property
    def operators(self) -> dict[str, int]:
        """How often each operator stands in the file; `custom:NAME` for what is not built in."""
        from ai_edge_litert import schema_py_generated as schema

        names = {n: name for name, n in vars(schema.BuiltinOperator).items() if type(n) is int}
        model = schema.Model.GetRootAs(self.path.read_bytes(), 0)
        counts = collections.Counter()
        for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
            for operator in map(graph.Operators, range(graph.OperatorsLength())):
                code = model.OperatorCodes(operator.OpcodeIndex())
                # small codes once had a byte of their own
                name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
                is_custom = name == "CUSTOM"
                counts[f"custom:{code.CustomCode().decode()}" if is_custom else name] += 1
        return dict(counts.most_common())

    @functools.cached_property
    def interpreter(self):
        from ai_edge_litert.interpreter import Interpreter

        try:
            with _silence():
                interpreter = Interpreter(str(self.path), num_threads=self.threads)
                interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            line = str(error).strip().splitlines()[0]
            raise InvalidInput(f"file {self.path}", "a LiteRT model that runs", line) from error
        return interpreter

    @functools.cached_property
    def signature(self):
        """A runner of the file's first signature."""
        names = list(self.interpreter.get_signature_list())
        if not names:
            raise InvalidInput(f"file {self.path}", "a signature", "none")
        return self.interpreter.get_signature_runner(names[0])

    @functools.cached_property
    def inputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """Shape and type of each input by name; -1 is a size that is free."""
        return _specs(self.signature.get_input_details())

    @functools.cached_property
    def outputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """Shape and type of each output by name; -1 is a size that is free."""
        return _specs(self.signature.get_output_details())

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
            self.signature(**{name: array[i : i + step] for name, array in arrays.items()})
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


@contextlib.contextmanager
def _silence():
    """The interpreter announces itself from C++, where only the file descriptor can be turned."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _specs(details):
    return {
        name: (tuple(map(int, detail["shape_signature"])), np.dtype(detail["dtype"]))
        for name, detail in details.items()
    }
