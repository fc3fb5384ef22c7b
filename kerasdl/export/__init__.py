"""LiteRT and ONNX files: convert, quantise, verify, measure and describe.

Opening, running and measuring a file imports no TensorFlow; converting does.
"""

from kerasdl.export.benchmark import Latency, benchmark, litert_benchmark
from kerasdl.export.convert import to_litert
from kerasdl.export.files import files_in, open_file
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.onnx_export import to_onnx
from kerasdl.export.onnx_model import ONNXModel
from kerasdl.export.saved_model import to_saved_model
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
