"""Report the size, accuracy and latency of a compressed file."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from kerasdl import export
from kerasdl.compression import pruning
from kerasdl.errors import InvalidInput
from kerasdl.export import trace
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.verify import predict


@dataclasses.dataclass(frozen=True)
class Report:
    """A file compared with the original model.

    Args:
        method: str, the method that made the file.
        parameters: int, number of the model's parameters.
        zeros: float, fraction of zeros in all kernels together.
        sparsity: Fraction of zeros in each kernel, by path.
        unique: Number of distinct values in each kernel, by path.
        size: int, size of the file in bytes.
        zipped_size: int, size in bytes after zip compression, which is the size of a download.
        accuracy: float, accuracy of the file; `None` if there are no class labels.
        agreement: float, fraction of the predictions whose class is that of the original model;
            `None` if it does not classify.
        largest_error: float, largest difference from the original model's outputs.
        median_ms: float, median milliseconds of one call on one thread.
        file: str, path of the file.
        epochs: Number of epochs of each step of the method.
        test_accuracy: float, test accuracy, if the file was chosen on validation data; else `None`.
    """

    method: str
    parameters: int
    zeros: float
    sparsity: dict[str, float]
    unique: dict[str, int]
    size: int
    zipped_size: int
    accuracy: float | None
    agreement: float | None
    largest_error: float | None
    median_ms: float
    file: str
    epochs: dict[str, int] = dataclasses.field(default_factory=dict)
    test_accuracy: float | None = None

    def row(self) -> dict:
        """Return the report as the row of a table, with short names for a terminal."""
        tested = {} if self.test_accuracy is None else {"test": self.test_accuracy}
        return {
            "method": self.method,
            "accuracy": self.accuracy,
            **tested,
            "agree": self.agreement,
            "zeros": round(self.zeros, 3),
            "kB": round(self.size / 1e3, 1),
            "zip_kB": round(self.zipped_size / 1e3, 1),
            "ms": self.median_ms,
        }


class Evaluator:
    """Data to evaluate files on, with the original model's outputs for it.

    Args:
        model: The original model. It is run at once, with its current weights.
        data: Batches of (x, y) or (x, y, weight): a dataset, or a tuple of arrays.
        count: int, number of examples to use at least; by default all.
    """

    def __init__(self, model: keras.Model, data, count: int | None = None):
        self.x, labels = gather(data, count)
        self.labels = None if tree.is_nested(labels) else labels  # nested for several outputs
        serve = tf.function(trace.serving_function(model), reduce_retracing=True)
        with trace.settings(model, None):
            answers = [tree.map_structure(np.asarray, serve(batch)) for batch in _batches(self.x)]
        self.expected = tree.map_structure(lambda *parts: np.concatenate(parts), *answers)

    def __len__(self):
        return len(tree.flatten(self.x)[0])

    def report(self, file: LiteRTModel, model: keras.Model, **facts) -> Report:
        """Return the report of a file made from the model, which has the file's weights now."""
        return report(file, model, self.x, self.labels, expected=self.expected, **facts)

    def accuracy(self, file: LiteRTModel) -> float | None:
        """Return the accuracy of a file."""
        return _evaluate(file, self.x, self.labels, self.expected)["accuracy"]


def report(
    file: LiteRTModel,
    model: keras.Model,
    x,
    labels=None,
    *,
    method: str,
    expected,
    epochs: dict[str, int] | None = None,
) -> Report:
    """Evaluate a file and return its report.

    Args:
        file: The file.
        model: The Keras model whose weights are in the file.
        x: Inputs.
        labels: Labels of the inputs: class numbers, or one probability per class.
        method: str, the method that made the file.
        expected: The original model's outputs for `x`: an array, or a dict of arrays by name.
        epochs: Number of epochs of each step of the method.
    """
    kernels = [variable.numpy() for variable in pruning.kernels(model)]
    paths = [variable.path for variable in pruning.kernels(model)]
    zeros = [int(np.sum(kernel == 0)) for kernel in kernels]
    sizes = [kernel.size for kernel in kernels]
    return Report(
        method=method,
        parameters=model.count_params(),
        zeros=sum(zeros) / max(1, sum(sizes)),
        sparsity={p: zero / size for p, zero, size in zip(paths, zeros, sizes, strict=True)},
        unique={p: len(np.unique(kernel)) for p, kernel in zip(paths, kernels, strict=True)},
        size=file.size,
        zipped_size=file.zipped_size,
        **_evaluate(file, x, labels, expected),
        median_ms=export.benchmark(file, seconds=0.3).median,
        file=str(file.path),
        epochs=epochs or {},
    )


def _accuracy(outputs, labels):
    """Return the fraction of outputs whose largest value is that of the correct class."""
    if labels is None or not _classifies(outputs):
        return None
    if labels.shape == outputs.shape:
        labels = labels.argmax(-1)
    labels = labels.reshape(-1)
    answers = outputs.argmax(-1).reshape(-1)
    integers = np.issubdtype(labels.dtype, np.integer)
    return float(np.mean(answers == labels)) if integers and len(answers) == len(labels) else None


def _evaluate(file, x, labels, expected):
    try:
        received = predict(file, x)
    except InvalidInput:  # the data does not fit the file's input shape, such as longer texts
        return dict.fromkeys(("accuracy", "agreement", "largest_error"))
    if not isinstance(expected, dict):
        expected = {"output": expected}
    if not isinstance(received, dict):
        received = dict.fromkeys(expected, received)
    activate = trace.ACTIVATIONS.get(file.metadata.activation, lambda values: values)
    errors, same = [], []
    for name, values in expected.items():
        outputs = np.asarray(received[name], "float64")
        errors.append(np.abs(outputs - np.asarray(activate(values))).max())
        if _classifies(outputs):
            same.append((outputs.argmax(-1) == values.argmax(-1)).reshape(-1))
    single = next(iter(received.values())) if len(received) == 1 else None
    return {
        "accuracy": None if single is None else _accuracy(single, labels),
        "agreement": float(np.concatenate(same).mean()) if same else None,
        "largest_error": float(max(errors)),
    }


def _classifies(outputs):
    return outputs.ndim in (2, 3) and outputs.shape[-1] > 1


def gather(data: Any, count: int | None = None) -> tuple:
    """Return the first inputs and labels, without batches of other shapes than the first.

    Args:
        data: Batches of (x, y) or (x, y, weight): a dataset, or a tuple of arrays.
        count: int, number of examples at least; by default all.
    """
    if isinstance(data, tuple):
        data = tf.data.Dataset.from_tensor_slices(data).batch(64)
    batches: list = []
    seen = 0
    for batch in data:
        batch = keras.utils.unpack_x_y_sample_weight(batch)[:2]
        if batches and _shapes(batch) != _shapes(batches[0]):
            continue
        batches.append(batch)
        seen += len(tree.flatten(batch)[0])
        if count is not None and seen >= count:
            break
    if not batches:
        raise InvalidInput("data to evaluate on", "at least one batch", "none")
    return tuple(
        None if part[0] is None else tree.map_structure(_concatenate, *part)
        for part in zip(*batches, strict=True)
    )


def _shapes(batch):
    return [tuple(array.shape[1:]) for array in tree.flatten(batch) if array is not None]


def _concatenate(*parts):
    return np.concatenate([np.asarray(part) for part in parts])


def _batches(x, size=128):
    count = len(tree.flatten(x)[0])
    for start in range(0, count, size):
        yield tree.map_structure(lambda array, i=start: array[i : i + size], x)
