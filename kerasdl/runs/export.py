"""Export the model of a run as LiteRT or ONNX files, each compared with Keras."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasdl import errors, export
from kerasdl.compression.searching import NOTABLE
from kerasdl.errors import InvalidInput
from kerasdl.export import onnx_model, trace
from kerasdl.export.quantize import CALIBRATED
from kerasdl.export.trace import UNROLLED
from kerasdl.tasks.task import Export

FORMATS = ("litert", "onnx")
DEFAULT = ("none", "int8")
METHODS = ("none", "float16", "dynamic", "int8", "int16x8", "int4")
CALIBRATION = 256  # examples; more do not change the ranges of activations


def export_run(run, quantize=(), format="litert") -> list[dict]:
    """Convert each network of the run by each method; return a row for each file."""
    check_options(quantize, format)
    methods = (quantize or DEFAULT) if format == "litert" else ()
    splits = run.load_data()
    folder = run.path / "export"
    folder.mkdir(exist_ok=True)

    def facts(name, part):
        labels = tuple(run.info.classes or ()) if part.activation == "softmax" else ()
        return {"labels": labels, **description_of(name, run, part.shape)}

    return write_files(run.task.exports(run.model, splits), folder, methods, format, facts)


def check_options(quantize: Sequence[str], format: str) -> None:
    """Check the format and the quantization methods, before anything is read."""
    errors.one_of("format", format, FORMATS)
    if format == "onnx":
        onnx_model.require("tf2onnx", "onnx", "onnxruntime")
        if quantize:
            raise InvalidInput("quantization", "none for ONNX", ", ".join(quantize))
    for method in quantize:
        errors.one_of("quantization", method, METHODS)


def write_files(
    parts: dict[str, Export],
    folder: pathlib.Path,
    methods: Sequence[str],
    format: str,
    facts: Callable[[str, Export], dict],
) -> list[dict]:
    """Write a file for each part and method; return a row for each file.

    Args:
        parts: The networks by name.
        folder: Path of the folder.
        methods: Quantization methods; not used for ONNX.
        format: str, "litert" or "onnx".
        facts: Function from a part's name and the part to its files' metadata, as arguments of
            `to_litert`.
    """
    rows = []
    for name, part in parts.items():
        example = part.first(1) if part.has_free_size else None
        options = {"activation": part.activation, "example": example, **facts(name, part)}
        whole = None
        if format == "onnx":
            rows.append(_row(part, export.to_onnx(part.model, folder / f"{name}.onnx", **options)))
            continue
        for method in methods:
            quantization: Any = None if method == "none" else method  # checked by check_options
            litert = export.to_litert(
                part.model,
                folder / f"{name}-{'float' if method == 'none' else method}.tflite",
                quantize=quantization,
                calibration=part.first(CALIBRATION) if method in CALIBRATED else None,
                **options,
            )
            rows.append(_row(part, litert))
            whole = rows[-1] if method == "none" else whole
            rows[-1]["note"] = _note(part.model, litert, method, rows[-1], whole)
    return rows


def _note(model, file, method, row, whole) -> str:
    """Return that a quantized file is in float, or larger or slower than the float file `whole`."""
    name = file.path.name
    if method == "dynamic" and file.metadata.quantize is None:
        return f"{name} is in float: dynamic quantizes kernels of at least 1,024 weights alone."
    if whole is None:
        return ""
    larger, slower = row["kB"] / whole["kB"], row["ms"] / whole["ms"]
    if larger > 1 and method in UNROLLED and trace.is_recurrent(model):
        other = "float16 or dynamic files are smaller, because they keep the loop"
        return f"{name} is {larger:.1f} times as large as in float: {other}."
    if slower > NOTABLE:
        smaller = "smaller, but takes" if larger < 1 else "not smaller, and takes"
        return f"{name} is {smaller} {slower:.1f} times as long as in float, on this processor."
    return ""


def description_of(name, run, shape) -> dict:
    """Return the metadata of a file: a description, and the range of an input image."""
    is_image = len(shape) == 3 and list(shape) == list(run.info.shape)
    text = f"{name} of {run.recipe.model}, trained on {run.recipe.data}"
    if run.info.columns:
        text += f"; input: {', '.join(filter(None, map(str, run.info.columns)))}"
    if run.info.target_scale:
        scale = [part if isinstance(part, tuple) else (part,) for part in run.info.target_scale]
        names = run.info.outputs or ("value",)
        for name, mean, deviation in zip(names, *scale, strict=True):
            text += f"; {name}: output * {deviation:.6g} + {mean:.6g}"
    facts = {"description": text, "input_range": (0.0, 1.0) if is_image else None}
    return {**facts, "vocabulary": tuple(run.info.vocabulary)} if run.info.vocabulary else facts


def _row(part, file):
    parity = export.verify(part.model, file, part.inputs)
    row = {"file": str(file.path)}
    if part.labels is not None and np.issubdtype(part.labels.dtype, np.integer):
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
