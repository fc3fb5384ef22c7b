"""Record which methods of a search have finished, so that a killed search can continue."""

import dataclasses
import hashlib
import json
import pathlib
import zlib
from typing import Any

import keras
import numpy as np

from kerasdl.compression.reporting import Evaluator, Report
from kerasdl.utils.files import write_json

FILE = "search.json"
STEPS = ("prune", "cluster", "quantize")


class Finished:
    """The reports of a search's finished methods, in a file that a killed search leaves.

    The file is used only by a search with the same key, whose LiteRT files are unchanged.

    Args:
        folder: Path of the search's folder.
        key: str, what the files depend on, as `key_of` returns it.
    """

    def __init__(self, folder: pathlib.Path, key: str):
        self.folder = folder
        self.path = folder / FILE
        self.key = key
        self.rows: dict[str, Any] = {}
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if found["key"] == key:
                self.rows = dict(found["methods"])
        except (OSError, ValueError, TypeError, KeyError):  # none, or a damaged one
            pass
        found = {name: self._report(name, row) for name, row in self.rows.items()}
        self.reports = {name: report for name, report in found.items() if report}

    def _report(self, name, row):
        path = self.folder / f"{name}.tflite"
        try:
            if zlib.crc32(path.read_bytes()) != row["crc"]:
                return None
            return dataclasses.replace(Report(**row["report"]), file=str(path))
        except (OSError, TypeError, KeyError):
            return None

    def write(self) -> None:
        """Write the file, also before the first method has finished."""
        write_json(self.path, {"key": self.key, "methods": self.rows})

    def get(self, name: str) -> Report | None:
        """Return the report of a finished method, or None."""
        return self.reports.get(name)

    def add(self, report: Report) -> None:
        """Keep the report of a method whose file has just been written."""
        crc = zlib.crc32(pathlib.Path(report.file).read_bytes())
        self.rows[report.method] = {"report": dataclasses.asdict(report), "crc": crc}
        self.write()

    def remove(self) -> None:
        """Remove the file, when the search has ended."""
        self.path.unlink(missing_ok=True)


def key_of(
    model: keras.Model, evaluator: Evaluator, optimizer: Any, epochs: int, settings: dict
) -> str:
    """Return a digest of what the files of a search depend on: weights, data and settings.

    Args:
        model: The model.
        evaluator: The data that the files are evaluated on.
        optimizer: A function of a step and its number of epochs that makes an optimizer, or None.
        epochs: int, number of epochs of a method.
        settings: dict, the other settings.
    """
    digest = hashlib.sha256()
    arrays = keras.tree.flatten((evaluator.x, evaluator.labels, evaluator.expected))
    for array in (*model.variables, *(array for array in arrays if array is not None)):
        digest.update(np.ascontiguousarray(array).tobytes())
    made = {step: optimizer(step, epochs) for step in STEPS} if optimizer else {}
    configs = {step: _config(each) for step, each in made.items()}
    compiled = {name: _config(value) for name, value in _compiled(model).items()}
    facts = [keras.__version__, [v.path for v in model.variables], configs, compiled]
    digest.update(repr((facts, epochs, sorted(settings.items()))).encode())
    return digest.hexdigest()


def _compiled(model):
    config = getattr(model, "_compile_config", None)
    return {
        k: v for k, v in (config.config if config else {}).items() if k in ("optimizer", "loss")
    }


def _config(value):
    """Return a text of an optimizer or a loss, the same in every process."""
    try:
        return json.dumps(keras.saving.serialize_keras_object(value), sort_keys=True, default=str)
    except (TypeError, ValueError):
        return type(value).__name__
