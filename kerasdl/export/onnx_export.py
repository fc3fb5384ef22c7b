"""From a Keras model to an ONNX file, which onnxruntime and many other runtimes take."""

import math
import os
import pathlib
import tempfile

from kerasdl.export import card, converting
from kerasdl.export.onnx_model import ONNXModel, require
from kerasdl.export.process import WORKER

LARGE = 1_000_000  # numbers


def to_onnx(
    model,
    path: str | os.PathLike,
    *,
    batch_size: int | None = None,
    activation: str | None = None,
    labels: tuple[str, ...] = (),
    description: str = "",
    input_range: tuple[float, float] | None = None,
    example=None,
) -> ONNXModel:
    """Convert any Keras model to an ONNX file whose inputs and outputs have the model's names.

    The converter runs in another process, which may crash without harm. The file appears whole or
    not at all, and before it appears it has been checked and, where onnxruntime is, run once. The
    packages come with `pip install 'kerasdl[onnx]'`.

    Args:
        model: A functional, Sequential or subclassed Keras model.
        path: The file to write, ending in `.onnx`.
        batch_size: A fixed batch size, or `None` for any.
        activation, labels, description, input_range, example: As in `to_litert`; what the file
            says of itself is ONNX metadata.

    Spec: CMP-10
    """
    path = pathlib.Path(path)
    converting.check(path, ONNXModel.suffix, batch_size, activation)
    require("tf2onnx", "onnx")
    WORKER.start()  # it loads TensorFlow while this process traces
    from kerasdl.export import trace

    # the converter copies what it is given many times over: large matrices come in at the end
    large = [
        index
        for index, variable in enumerate(model.variables)
        if len(variable.shape) == 2 and math.prod(variable.shape) >= LARGE
    ]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        specs = trace.save(
            model,
            folder / "model",
            quantize=None,
            batch_size=batch_size,
            activation=activation,
            signature="serving_default",
            example=example,
            apart=[model.variables[index] for index in large],
        )
        facts = card.Card(description, tuple(labels), input_range, activation)
        converting.convert(
            model,
            "ONNX",
            format="onnx",
            saved_model=str(folder / "model"),
            output=str(folder / "converted.onnx"),
            inputs=[spec.name for spec in specs],
            weights={f"weight_{i}": index for i, index in enumerate(large)},
            metadata=card.texts(facts),
        )
        converting.move(folder / "converted.onnx", path)
    return ONNXModel(path)
