"""`LiteRTModel`: open and run a LiteRT file without TensorFlow, as a phone does."""

import functools
import os
from typing import Any

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export import flatbuffer, metadata, model_file
from kerasdl.utils import quiet


class LiteRTModel(model_file.ModelFile):
    """A `.tflite` file: run it, and read its size, operators and metadata.

    Args:
        path: Path of the file.
        threads: int, number of threads of the interpreter.
    """

    suffix = ".tflite"

    def __init__(self, path: str | os.PathLike, threads: int = 1):
        super().__init__(path, threads)
        with self.path.open("rb") as file:
            if file.read(8)[4:] != b"TFL3":  # the flatbuffer's file identifier
                raise InvalidInput("file", "a LiteRT model", self.path)

    @functools.cached_property
    def metadata(self) -> metadata.Metadata:
        """Labels, description, input range and more, if the file has them."""
        return metadata.read(self.path)

    @functools.cached_property
    def operators(self) -> dict[str, int]:
        """How often the file uses each operator. Custom operators are named `custom:NAME`."""
        try:
            return flatbuffer.operators(self.path.read_bytes())
        except Exception as error:  # reading a damaged flatbuffer raises any kind
            expected = "an intact LiteRT model"
            raise InvalidInput(f"file {self.path}", expected, repr(error)) from error

    @functools.cached_property
    def interpreter(self) -> Any:
        """The LiteRT interpreter, with its tensors allocated."""
        from ai_edge_litert.interpreter import Interpreter

        failure = None
        with quiet.native_stderr():
            try:
                interpreter = Interpreter(str(self.path), num_threads=self.threads)
                interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                failure = error  # raised below: what C++ printed stays hidden
        if failure:
            raise self._invalid(failure) from failure
        return interpreter

    @functools.cached_property
    def signature(self) -> Any:
        """A runner of the file's first signature."""
        names = list(self.interpreter.get_signature_list())
        if not names:
            raise InvalidInput(f"file {self.path}", "a signature", "none")
        try:
            return self.interpreter.get_signature_runner(names[0])
        except Exception as error:  # pybind11 raises any kind
            raise self._invalid(error) from error

    @functools.cached_property
    def inputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        return self._specs(self.signature.get_input_details, self.interpreter.get_input_details)

    @functools.cached_property
    def outputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        return self._specs(self.signature.get_output_details, self.interpreter.get_output_details)

    @functools.cached_property
    def input_scales(self) -> dict[str, tuple[float, int]]:
        return _scales(self.signature.get_input_details())

    @functools.cached_property
    def output_scales(self) -> dict[str, tuple[float, int]]:
        return _scales(self.signature.get_output_details())

    def call(self, **arrays):
        try:
            return self.signature(**arrays)
        except (RuntimeError, ValueError) as error:
            raise self._invalid(error) from error

    def runner(self):
        interpreter = self.interpreter

        def run():
            try:
                interpreter.invoke()
            except RuntimeError as error:
                raise self._invalid(error) from error

        try:
            for detail in interpreter.get_input_details():
                value = model_file.random_input(detail["shape"], detail["dtype"])
                interpreter.set_tensor(detail["index"], value)
        except Exception as error:  # pybind11 and NumPy raise any kind
            raise self._invalid(error) from error
        return run

    def _specs(self, details, in_order):
        """Return shapes and types by name, in the file's order; signatures sort by name."""
        try:
            order = [detail["index"] for detail in in_order()]
            found = sorted(details().items(), key=lambda item: order.index(item[1]["index"]))
            return {
                name: (tuple(map(int, detail["shape_signature"])), np.dtype(detail["dtype"]))
                for name, detail in found
            }
        except Exception as error:  # pybind11 raises any kind
            raise self._invalid(error) from error

    def _invalid(self, error):
        line = (str(error).strip().splitlines() or [repr(error)])[0]
        return InvalidInput(f"file {self.path}", "a LiteRT model that runs", line)


def _scales(details):
    pairs = {name: detail.get("quantization", (0.0, 0)) for name, detail in details.items()}
    return {name: (float(scale), int(zero)) for name, (scale, zero) in pairs.items() if scale}
