"""Inputs that show the converter which ranges activations take."""

import keras
import numpy as np

from kerasdl.errors import InvalidInput

EXAMPLES = 200


def arrays(calibration, specs, batch_size) -> dict[str, np.ndarray]:
    """The first examples of an array, of several, or of a dataset, under the inputs' names."""
    if hasattr(calibration, "as_numpy_iterator"):
        calibration = _stack(calibration)
    found = [np.asarray(array)[:EXAMPLES] for array in keras.tree.flatten(calibration)]
    if (
        len(found) != len(specs)
        or any(
            not s.shape[1:].is_compatible_with(f.shape[1:])
            for s, f in zip(specs, found, strict=True)
        )
        or min(map(len, found)) < batch_size
    ):
        raise InvalidInput(
            "value for argument `calibration`",
            f"{batch_size} or more examples of shape {_shapes(s.shape[1:] for s in specs)}",
            f"shape {_shapes(f.shape for f in found)}",
        )
    return {s.name: f.astype(s.dtype.as_numpy_dtype) for s, f in zip(specs, found, strict=True)}


def _shapes(shapes):
    return ", ".join(str(tuple(shape)) for shape in shapes) or "none"


def _stack(dataset):
    """The inputs of a dataset whose elements are batches of x, (x, y) or (x, y, weight)."""
    batches, count = [], 0
    for element in dataset.as_numpy_iterator():
        x = keras.utils.unpack_x_y_sample_weight(element)[0]
        batches.append(x)
        count += len(keras.tree.flatten(x)[0])
        if count >= EXAMPLES:
            break
    if not batches:
        return ()
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
