"""Export the model of a run as LiteRT or ONNX files, each compared with Keras."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasdl import data, errors, export
from kerasdl.compression.searching import NOTABLE
from kerasdl.errors import InvalidInput
from kerasdl.export import card, convert, onnx_model, trace
from kerasdl.export.quantize import ACTIVATION_BITS, CALIBRATED, IN_FLOAT
from kerasdl.tasks.task import Export
from kerasdl.utils import files, processor

FORMATS = ("litert", "onnx")
DEFAULT = ("none", "int8")
METHODS = ("none", "float16", "dynamic", "int8", "int16x8", "int4")
CALIBRATION = 256  # examples; more do not change the ranges of activations


def export_run(run, quantize=(), format="litert", input_type="float32") -> list[dict]:
    """Convert each network of the run by each method; return a row for each file."""
    check_options(quantize, format, input_type)
    methods = (quantize or DEFAULT) if format == "litert" else ()
    splits = run.load_data()
    folder = run.path / "export"
    folder.mkdir(exist_ok=True)

    def facts(name, part):
        labels = tuple(run.info.classes or ()) if part.activation == "softmax" else ()
        return {"labels": labels, **description_of(name, run, part.shape)}

    parts = run.task.exports(run.model, splits)
    return write_files(parts, folder, methods, format, facts, input_type, run.info)


def check_options(quantize: Sequence[str], format: str, input_type: str = "float32") -> None:
    """Check the format and the quantization methods, before anything is read."""
    errors.one_of("format", format, FORMATS)
    if format == "onnx":
        onnx_model.require("tf2onnx", "onnx", "onnxruntime")
        if quantize:
            raise InvalidInput("quantization", "none for ONNX", ", ".join(quantize))
    for method in quantize:
        errors.one_of("quantization", method, METHODS)
    errors.one_of("input type", input_type, convert.INPUT_TYPES)
    if input_type == "int8" and (format != "litert" or "int8" not in (quantize or DEFAULT)):
        received = ", ".join(quantize) or format
        raise InvalidInput("input type int8", "a LiteRT file quantized as int8", received)


def write_files(
    parts: dict[str, Export],
    folder: pathlib.Path,
    methods: Sequence[str],
    format: str,
    facts: Callable[[str, Export], dict],
    input_type: str = "float32",
    info: data.Info | None = None,
) -> list[dict]:
    """Write a file for each part and method, a LiteRT file with a card; return a row for each.

    Parts that stay in floats have no files by methods that quantize activations.

    Args:
        parts: The networks by name.
        folder: Path of the folder.
        methods: Quantization methods; not used for ONNX.
        format: str, "litert" or "onnx".
        facts: Function from a part's name and the part to its files' metadata, as arguments of
            `to_litert`.
        input_type: str, the type of inputs and outputs of "int8" files, "float32" or "int8". The
            names of the latter end in `-int8-io`.
        info: The data that the networks were trained on, for the cards.
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
            if part.floats_only and method in ACTIVATION_BITS:
                continue
            # checked by check_options
            quantization: Any = None if method == "none" else method
            kind: Any = input_type if method == "int8" else "float32"
            ending = "-io" if kind == "int8" else ""
            litert = export.to_litert(
                part.model,
                folder / f"{name}-{'float' if method == 'none' else method}{ending}.tflite",
                quantize=quantization,
                input_type=kind,
                calibration=part.first(CALIBRATION) if method in CALIBRATED else None,
                **options,
            )
            rows.append(_row(part, litert))
            whole = rows[-1] if method == "none" else whole
            rows[-1]["note"] = _note(part.model, litert, method, rows[-1], whole)
            write_card(litert, rows[-1], info)
    if not rows:
        expected = "none, float16 or dynamic for a network that chooses boxes"
        raise InvalidInput("quantization", expected, ", ".join(methods))
    return rows


def write_card(file: export.LiteRTModel, row: dict, info: data.Info | None = None) -> None:
    """Write the card of a LiteRT file beside it.

    Args:
        file: The file.
        row: The row of a table about it, with short names.
        info: The data that its network was trained on.
    """
    facts = {
        "accuracy": row.get("accuracy"),
        "test accuracy": row.get("test"),
        "same class as the Keras model": row.get("agree"),
        "largest difference from the Keras model": row.get("error"),
        "zeros": row.get("zeros") or None,
        "latency": f"{row['ms']:.3g} ms, one thread of {processor.description()}",
    }
    columns = [
        number
        for column in (info and info.columns) or ()
        for number in zip(column.names, column.mean, column.deviation, strict=True)
    ]
    scale = info.target_scale if info else None
    if scale and isinstance(scale[0], tuple):  # of several outputs, which the description has
        scale = None
    text = card.card(file, facts, columns=columns, target_scale=scale)
    with files.atomic(file.path.with_suffix(".md")) as partial:
        partial.write_text(text, encoding="utf-8")


def _note(model, file, method, row, whole) -> str:
    """Return that a quantized file is in float, or larger or slower than the float file `whole`."""
    name = file.path.name
    if method == "dynamic" and file.metadata.quantize is None:
        return f"{name} {IN_FLOAT}"
    if whole is None:
        return ""
    larger, slower = row["kB"] / whole["kB"], row["ms"] / whole["ms"]
    if note := trace.note_if_larger(model, method, name, larger):
        return note
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
    if run.info.timeline:
        text += f"; input: {run.info.timeline}"
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
