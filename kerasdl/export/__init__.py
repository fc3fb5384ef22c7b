"""Convert Keras models to LiteRT and ONNX files; open, run, verify and measure such files.

Opening, running and measuring a file does not import TensorFlow; converting does.
"""

from kerasdl.export.benchmark import Latency, benchmark, litert_benchmark
from kerasdl.export.convert import to_litert, to_onnx, to_saved_model
from kerasdl.export.files import files_in, open_file
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.onnx_model import ONNXModel
from kerasdl.export.verify import Parity, verify

__all__ = [
    "Latency",
    "LiteRTModel",
    "ONNXModel",
    "Parity",
    "benchmark",
    "files_in",
    "litert_benchmark",
    "open_file",
    "to_litert",
    "to_onnx",
    "to_saved_model",
    "verify",
]


def __dir__() -> list[str]:
    return __all__
