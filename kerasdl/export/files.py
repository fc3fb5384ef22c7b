"""Find and open model files of any format by their suffix."""

import os
import pathlib

from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.model_file import ModelFile
from kerasdl.export.onnx_model import ONNXModel
from kerasdl.utils import checks

FORMATS = {kind.suffix: kind for kind in (LiteRTModel, ONNXModel)}


def open_file(path: str | os.PathLike, threads: int = 1) -> ModelFile:
    """Open a model file.

    Args:
        path: Path of the file: ONNX if it ends in `.onnx`, else LiteRT.
        threads: int, number of threads that run it.
    """
    checks.paths(path=path)
    return FORMATS.get(pathlib.Path(path).suffix, LiteRTModel)(path, threads)


def files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the paths of all model files in a folder and its subfolders."""
    return sorted(path for path in folder.rglob("*") if path.suffix in FORMATS)
