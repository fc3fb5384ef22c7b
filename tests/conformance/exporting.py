"""LiteRT and ONNX files."""

import keras
import numpy as np

from kerasdl import export
from tests.conformance import training
from tests.conformance.common import outputs
from tests.conformance.inputs import normal


def litert(subject, folder):
    """A LiteRT file of built-in operators gives what Keras gives."""
    error = max(parity.largest_error for parity, _ in compare(subject, folder))
    assert error < 1e-5
    return f"{error:.0e}"


def onnx(subject, folder):
    """An ONNX file for any batch size, run by onnxruntime, gives what Keras gives."""
    error = 0.0
    for name, part, inputs in parts(subject, training.stepped(subject)):
        example = keras.tree.map_structure(lambda array: array[:1], inputs)
        file = export.to_onnx(part, folder / f"{name or 'model'}.onnx", example=example)
        assert {shape[0] for shape, _ in file.inputs.values()} == {-1}
        error = max(error, export.verify(part, file, inputs).largest_error)
    assert error < 1e-5
    return f"{error:.0e}"


def int8(subject, folder):
    """The int8 file finds Keras's classes; where there are none it stays near Keras's numbers."""
    parities = list(compare(subject, folder, quantize="int8"))
    if getattr(getattr(subject.targets, "dtype", None), "kind", "") == "i":
        assert parities[0][0].agreement > 0.9
        return f"{parities[0][0].agreement:.0%}"
    error = max(parity.largest_error / largest for parity, largest in parities)
    assert error < 0.1
    return f"{error:.0e}"


def compare(subject, folder, quantize=None):
    """Parity of each exported part with its file, and the largest output of the part.

    Float files are compared early, while logits are small enough for an absolute error to mean
    something; int8 files when the model has learned, for it must know the classes.
    """
    model = training.overfitted(subject)[0] if quantize else training.stepped(subject)
    for name, part, inputs in parts(subject, model):
        calibration = {"calibration": inputs} if quantize == "int8" else {}
        path = folder / f"{name or 'model'}.tflite"
        example = keras.tree.map_structure(lambda array: array[:1], inputs)
        file = export.to_litert(part, path, quantize=quantize, example=example, **calibration)
        # the interpreter that runs it next has no others
        assert not any(name.startswith(("custom", "FLEX")) for name in file.operators)
        largest = max(np.abs(array).max() for array in outputs(part, inputs))
        yield export.verify(part, file, inputs), largest


def parts(subject, model):
    """Each model that is exported, by name, and what it is fed."""
    for name, part in subject.parts(model).items():
        whole = part is model or part.input_shape[1:] == subject.inputs.shape[1:]
        yield name, part, subject.inputs if whole else normal(*part.input_shape[1:])
