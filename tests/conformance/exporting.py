"""Properties of LiteRT and ONNX files."""

import keras
import numpy as np

from kerasdl import export
from tests.conformance import training
from tests.conformance.common import outputs
from tests.conformance.inputs import normal


def litert(subject, folder):
    """A LiteRT file of built-in operators gives the outputs of Keras."""
    error = max(parity.largest_error for parity, _ in compare(subject, folder))
    assert error < 1e-5
    return f"{error:.0e}"


def onnx(subject, folder):
    """An ONNX file for any batch size, run by onnxruntime, gives the outputs of Keras."""
    error = 0.0
    for name, part, inputs in parts(subject, training.stepped(subject)):
        example = keras.tree.map_structure(lambda array: array[:1], inputs)
        file = export.to_onnx(part, folder / f"{name or 'model'}.onnx", example=example)
        assert {shape[0] for shape, _ in file.inputs.values()} == {-1}
        error = max(error, export.verify(part, file, inputs).largest_error)
    assert error < 1e-5
    return f"{error:.0e}"


def int8(subject, folder):
    """The int8 file predicts the same classes as Keras, or outputs near those of Keras."""
    parities = list(compare(subject, folder, quantize="int8"))
    of_classes = getattr(getattr(subject.targets, "dtype", None), "kind", "") == "i"
    if of_classes and parities[0][0].agreement is not None:
        assert parities[0][0].agreement > 0.9
        return f"{parities[0][0].agreement:.0%}"
    error = max(parity.largest_error / largest for parity, largest in parities)
    assert error < 0.1
    return f"{error:.0e}"


def compare(subject, folder, quantize=None):
    """Give the parity of each exported part with its file, and the part's largest output.

    Float files are compared after one step, while logits are small enough for an absolute error
    to be meaningful; int8 files after training, when predicted classes are clear.
    """
    model = training.overfitted(subject)[0] if quantize else training.stepped(subject)
    for name, part, inputs in parts(subject, model):
        calibration = {"calibration": inputs} if quantize == "int8" else {}
        path = folder / f"{name or 'model'}.tflite"
        example = keras.tree.map_structure(lambda array: array[:1], inputs)
        file = export.to_litert(part, path, quantize=quantize, example=example, **calibration)
        # the interpreter in `verify` has only built-in operators
        assert not any(name.startswith(("custom", "FLEX")) for name in file.operators)
        largest = max(np.abs(array).max() for array in outputs(part, inputs))
        yield export.verify(part, file, inputs), largest


def parts(subject, model):
    """Give the name, the model and the inputs of each part that is exported."""
    for name, part in subject.parts(model).items():
        whole = part is model or part.input_shape[1:] == subject.inputs.shape[1:]
        yield name, part, subject.inputs if whole else normal(*part.input_shape[1:])
