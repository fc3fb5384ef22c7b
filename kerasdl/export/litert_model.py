"""A LiteRT file, opened as a phone opens it: without TensorFlow."""

import contextlib
import functools
import os
import sys

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export import card, flatbuffer, model_file


class LiteRTModel(model_file.ModelFile):
    """A `.tflite` file that can be run, and that tells what it is.

    Args:
        path: The file.
        threads: Threads of the interpreter.
    """

    suffix = ".tflite"

    def __init__(self, path: str | os.PathLike, threads: int = 1):
        super().__init__(path, threads)
        with self.path.open("rb") as file:
            if file.read(8)[4:] != b"TFL3":  # the flatbuffer's file identifier
                raise InvalidInput("file", "a LiteRT model", self.path)

    @functools.cached_property
    def card(self) -> card.Card:
        return card.read(self.path)

    @functools.cached_property
    def operators(self) -> dict[str, int]:
        """How often each operator stands in the file; `custom:NAME` for what is not built in."""
        return flatbuffer.operators(self.path.read_bytes())

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
    def inputs(self):
        return _specs(self.signature.get_input_details())

    @functools.cached_property
    def outputs(self):
        return _specs(self.signature.get_output_details())

    def call(self, **arrays):
        return self.signature(**arrays)

    def runner(self):
        for detail in self.interpreter.get_input_details():
            value = model_file.made_up(detail["shape"], detail["dtype"])
            self.interpreter.set_tensor(detail["index"], value)
        return self.interpreter.invoke


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
