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

    Example:
        >>> import tempfile
        >>> import keras
        >>> import numpy as np
        >>> from kerasdl import export
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = export.to_litert(model, f"{folder}/model.tflite")
        ...     outputs = open_file(file.path).predict(np.ones((2, 4)))
        >>> outputs.shape
        (2, 3)
    """
    checks.paths(path=path)
    return FORMATS.get(pathlib.Path(path).suffix, LiteRTModel)(path, threads)


def files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the paths of all model files in a folder and its subfolders.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (pathlib.Path(folder) / "model.tflite").touch()
        ...     print([file.name for file in files_in(pathlib.Path(folder))])
        ['model.tflite']
    """
    return sorted(path for path in folder.rglob("*") if path.suffix in FORMATS)
