"""Export the model of a run as LiteRT or ONNX files, each compared with Keras."""

import numpy as np

from kerasdl import errors, export
from kerasdl.errors import InvalidInput
from kerasdl.export import onnx_model

FORMATS = ("litert", "onnx")
DEFAULT = ("none", "int8")
METHODS = ("none", "float16", "dynamic", "int8", "int16x8", "int4")
CALIBRATION = 256  # examples; more do not change the ranges of activations


def export_run(run, quantize=(), format="litert") -> list[dict]:
    """Convert each network of the run by each method; return a row for each file."""
    errors.one_of("format", format, FORMATS)
    if format == "onnx":
        onnx_model.require("tf2onnx", "onnx", "onnxruntime")
        if quantize:
            raise InvalidInput("quantization", "none for ONNX", ", ".join(quantize))
    methods = (quantize or DEFAULT) if format == "litert" else ()
    for method in methods:
        errors.one_of("quantization", method, METHODS)
    splits = run.load_data()
    folder = run.path / "export"
    folder.mkdir(exist_ok=True)
    rows = []
    for name, part in run.task.exports(run.model, splits).items():
        options = {
            "activation": part.activation,
            "example": part.first(1) if part.has_free_size else None,
            "labels": tuple(run.info.classes or ()) if part.activation == "softmax" else (),
            **description_of(name, run, part.shape),
        }
        if format == "onnx":
            rows.append(_row(part, export.to_onnx(part.model, folder / f"{name}.onnx", **options)))
        for method in methods:
            litert = export.to_litert(
                part.model,
                folder / f"{name}-{'float' if method == 'none' else method}.tflite",
                quantize=None if method == "none" else method,
                calibration=part.first(CALIBRATION) if method in ("int8", "int16x8") else None,
                **options,
            )
            rows.append(_row(part, litert))
    return rows


def description_of(name, run, shape) -> dict:
    """Return the metadata of a file: a description, and the range of an input image."""
    is_image = len(shape) == 3 and list(shape) == list(run.info.shape)
    text = f"{name} of {run.recipe.model}, trained on {run.recipe.data}"
    if run.info.columns:
        text += f"; input: {', '.join(map(str, run.info.columns))}"
    if run.info.target_scale:
        text += "; value: output * {1:.6g} + {0:.6g}".format(*run.info.target_scale)
    return {"description": text, "input_range": (0.0, 1.0) if is_image else None}


def _row(part, file):
    parity = export.verify(part.model, file, part.inputs)
    row = {"file": str(file.path)}
    if part.labels is not None and part.activation == "softmax":
        right = file.predict(part.inputs).argmax(-1) == part.labels
        row["accuracy"] = float(np.mean(right))
    return {
        **row,
        "error": parity.largest_error,
        "agree": parity.agreement,
        "kB": round(file.size / 1e3, 1),
        "zip_kB": round(file.zipped_size / 1e3, 1),
        "ms": export.benchmark(file).median,
    }
