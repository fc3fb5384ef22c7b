"""Files of every format that can be run here, by the ends of their names."""

import os
import pathlib

from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.model_file import ModelFile
from kerasdl.export.onnx_model import ONNXModel

FORMATS = {kind.suffix: kind for kind in (LiteRTModel, ONNXModel)}


def open_file(path: str | os.PathLike, threads: int = 1) -> ModelFile:
    """An ONNX file if its name ends in `.onnx`, else a LiteRT file; to run on so many threads."""
    return FORMATS.get(pathlib.Path(path).suffix, LiteRTModel)(path, threads)


def files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """Every such file in a folder and those below."""
    return sorted(path for path in folder.rglob("*") if path.suffix in FORMATS)
