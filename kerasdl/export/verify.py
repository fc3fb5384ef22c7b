"""Compare the outputs of a LiteRT or ONNX file with those of its Keras model."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export.model_file import ModelFile
from kerasdl.utils import checks
from kerasdl.utils.types import Arrays

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far a file's outputs are from the model's.

    Args:
        largest_error: float, largest absolute difference.
        mean_error: float, mean absolute difference.
        agreement: float, fraction of the predictions whose class is the same; `None` if no output
            has the shape (batch, classes) or (batch, time, classes).
        count: int, number of examples.
    """

    largest_error: float
    mean_error: float
    agreement: float | None
    count: int

    def __str__(self):
        agreement = "" if self.agreement is None else f", agreement {self.agreement:.2%}"
        return (
            f"largest error {self.largest_error:.1e}, mean error {self.mean_error:.1e}{agreement} "
            f"on {self.count} examples"
        )


def verify(model: "keras.Model", litert_model: ModelFile, x: Arrays) -> Parity:
    """Compare a Keras model with its LiteRT or ONNX file on real inputs.

    If an activation was appended to the file, it is applied to the model's outputs too.

    Args:
        model: The Keras model.
        litert_model: The file, as `to_litert`, `to_onnx` or `open_file` returned it.
        x: Inputs: an array, or a structure of arrays as the model takes it.

    Example:
        >>> import tempfile
        >>> import keras
        >>> from kerasdl import export
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = export.to_litert(model, f"{folder}/model.tflite")
        ...     parity = verify(model, file, np.ones((2, 4), "float32"))
        >>> parity.largest_error < 1e-5
        True
    """
    from keras import tree

    from kerasdl.export import trace

    checks.models(model=model)
    opened = isinstance(litert_model, ModelFile)
    checks.check("litert_model", litert_model, opened, "an opened LiteRT or ONNX file")
    checks.arrays(x=x)
    received = predict(litert_model, x)  # checks the inputs
    serve = trace.serving_function(model, litert_model.metadata.activation)
    with trace.settings(model, litert_model.metadata.quantize):
        expected = _in_batches(serve, x, tree)
    if not isinstance(received, dict):
        received = dict.fromkeys(expected, received)
    shapes, found = ({n: a.shape for n, a in each.items()} for each in (expected, received))
    if shapes != found:
        raise InvalidInput(f"outputs of {litert_model.path}", f"the model's, {shapes}", found)
    errors = [np.abs(received[n].astype("float64") - expected[n]).ravel() for n in expected]
    same = [
        (received[n].argmax(-1) == expected[n].argmax(-1)).ravel()
        for n in expected
        if expected[n].ndim in (2, 3) and expected[n].shape[-1] > 1
    ]
    every = np.concatenate(errors)
    return Parity(
        largest_error=float(every.max()),
        mean_error=float(every.mean()),
        agreement=float(np.concatenate(same).mean()) if same else None,
        count=len(tree.flatten(x)[0]),
    )


def predict(file: ModelFile, x: Arrays) -> np.ndarray | dict[str, np.ndarray]:
    """Return a file's outputs for inputs as its Keras model takes them.

    Args:
        file: The file.
        x: An array, or a structure of arrays; the keys of a dict need not be the file's names.
    """
    from keras import tree

    x = tree.map_structure(np.asarray, x)
    if not tree.is_nested(x) or (isinstance(x, dict) and set(file.inputs) <= set(x)):
        return file.predict(x)
    return file.predict(tree.flatten(x))


def _in_batches(serve, x, tree, size=128):
    leaves = [np.asarray(leaf) for leaf in tree.flatten(x)]
    batches = []
    for i in range(0, len(leaves[0]), size):
        outputs = serve(tree.pack_sequence_as(x, [leaf[i : i + size] for leaf in leaves]))
        batches.append({name: np.asarray(output, "float64") for name, output in outputs.items()})
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
