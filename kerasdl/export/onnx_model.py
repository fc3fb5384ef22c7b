"""An ONNX file, run by onnxruntime."""

import functools

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export import card, model_file

TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}


class ONNXModel(model_file.ModelFile):
    """An `.onnx` file that can be run, and that tells what it is.

    Args:
        path: The file.
        threads: Threads of onnxruntime.
    """

    suffix = ".onnx"

    @functools.cached_property
    def session(self):
        """onnxruntime's."""
        require("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3  # errors
        try:
            return onnxruntime.InferenceSession(
                self.path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own have no class in common
            line = str(error).strip().splitlines()[0]
            raise InvalidInput(f"file {self.path}", "an ONNX model that runs", line) from error

    @functools.cached_property
    def card(self) -> card.Card:
        return card.parse(self.session.get_modelmeta().custom_metadata_map)

    @functools.cached_property
    def inputs(self):
        return _specs(self.session.get_inputs())

    @functools.cached_property
    def outputs(self):
        return _specs(self.session.get_outputs())

    def call(self, **arrays):
        return dict(zip(self.outputs, self.session.run(None, arrays), strict=True))

    def runner(self):
        binding = self.session.io_binding()
        for name, (shape, dtype) in self.inputs.items():
            binding.bind_cpu_input(name, model_file.made_up(shape, dtype))
        for name in self.outputs:
            binding.bind_output(name)
        return functools.partial(self.session.run_with_iobinding, binding)


def require(*modules: str):
    """Raise unless the packages are there that the extra `onnx` installs."""
    import importlib.util

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        expected = "the packages for ONNX (pip install 'kerasdl[onnx]')"
        raise InvalidInput("installation", expected, f"no {', no '.join(missing)}")


def _specs(arguments):
    return {
        argument.name: (
            tuple(size if isinstance(size, int) else -1 for size in argument.shape),
            np.dtype(TYPES.get(argument.type, argument.type[len("tensor(") : -1])),
        )
        for argument in arguments
    }
