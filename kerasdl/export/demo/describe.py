"""Describe a LiteRT image classifier for the web page."""

import pathlib
import re

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export.litert_model import LiteRTModel


def describe(path: pathlib.Path) -> dict:
    """Return facts of an image classifier for the page, as values for JSON.

    Raises `InvalidInput` for any other model.
    """
    model = LiteRTModel(path)
    height, width, channels, classes = _sizes(model)
    labels = model.labels if len(model.labels) == classes else map(str, range(classes))
    return {
        "name": path.stem,
        "description": model.description or path.name,
        "labels": list(labels),
        "shape": [height, width, channels],
        "range": model.metadata.input_range or (0, 1),
        # drawings are converted as those of scikit-learn's digits or of MNIST were
        **{name: channels == 1 and _is_of(name, model) for name in ("digits", "mnist")},
        "logits": not _gives_probabilities(model, classes),
        "quantize": model.metadata.quantize,
        "size": model.size,
        "zipped_size": model.zipped_size,
    }


def _is_of(name, model):
    return bool(re.search(rf"\b{name}\b", model.description))


def _sizes(model):
    inputs, outputs = list(model.inputs.values()), list(model.outputs.values())
    one = len(inputs) == len(outputs) == 1 and all(
        dtype == np.float32 and shape[0] == 1 for shape, dtype in inputs + outputs
    )
    if one and len(inputs[0][0]) == 4 and len(outputs[0][0]) == 2:
        (_, height, width, channels), (_, classes) = inputs[0][0], outputs[0][0]
        if min(height, width) > 0 and channels in (1, 3) and classes > 1:
            return height, width, channels, classes
    expected = "an image classifier, float32 (1, height, width, 1 or 3) to (1, classes)"
    received = " to ".join(
        ", ".join(f"{dtype} {shape}" for shape, dtype in specs) for specs in (inputs, outputs)
    )
    raise InvalidInput(f"model {model.path}", expected, received)


def _gives_probabilities(model, classes):
    """Return whether outputs are probabilities, by the metadata or by the outputs for noise."""
    if model.metadata.activation:
        return True
    shape = next(iter(model.inputs.values()))[0]
    outputs = model.predict(np.random.default_rng(0).random((4, *shape[1:]), dtype="float32"))
    rounding = classes / 512  # largest rounding error of 8-bit outputs
    return bool((outputs >= 0).all() and (np.abs(outputs.sum(-1) - 1) <= rounding + 1e-3).all())
