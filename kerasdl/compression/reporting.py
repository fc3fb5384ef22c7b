"""What a compressed file is worth, in numbers."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from kerasdl import export
from kerasdl.compression import pruning
from kerasdl.errors import InvalidInput
from kerasdl.export import trace
from kerasdl.export.litert_model import LiteRTModel


@dataclasses.dataclass(frozen=True)
class Report:
    """One file against the network it came from.

    Args:
        method: How it was made.
        parameters: Weights of the network.
        zeros: Share of zeros in all kernels.
        sparsity: Share of zeros in each kernel, by path.
        unique: Different values in each kernel, by path.
        size: Bytes of the file.
        zipped_size: Bytes of the file, compressed: what a download costs.
        accuracy: Share of right answers; `None` without numbers of classes to compare with.
        agreement: Share of answers that are the first network's; `None` without classes.
        largest_error: Largest difference from the first network's outputs.
        median_ms: Milliseconds of one call on one thread.
        file: The file.
        epochs: Epochs of each step of the method.
        test_accuracy: Accuracy on data that chose nothing, where there are such.
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
        """For a table."""
        tested = {} if self.test_accuracy is None else {"test_accuracy": self.test_accuracy}
        return {
            "method": self.method,
            "accuracy": self.accuracy,
            **tested,
            "agreement": self.agreement,
            "zeros": round(self.zeros, 3),
            "kB": round(self.size / 1e3, 1),
            "zipped_kB": round(self.zipped_size / 1e3, 1),
            "median_ms": self.median_ms,
        }


class Judge:
    """Real data, and what a network said of it before it was compressed.

    Args:
        model: The network, as it is now.
        data: Batches of (x, y) or (x, y, weight): a dataset, or a tuple of arrays.
        count: How many examples at least, where there are as many; by default all.
    """

    def __init__(self, model: keras.Model, data, count: int | None = None):
        self.x, labels = _gather(data, count)
        self.labels = None if tree.is_nested(labels) else labels  # of several outputs
        serve = tf.function(trace.serving_function(model), reduce_retracing=True)
        with trace.settings(model, None):
            answers = [tree.map_structure(np.asarray, serve(batch)) for batch in _batches(self.x)]
        self.expected = tree.map_structure(lambda *parts: np.concatenate(parts), *answers)

    def __len__(self):
        return len(tree.flatten(self.x)[0])

    def report(self, file: LiteRTModel, model: keras.Model, **facts) -> Report:
        """What became of the network, whose weights are now those of the file."""
        return report(file, model, self.x, self.labels, expected=self.expected, **facts)

    def accuracy(self, file: LiteRTModel) -> float | None:
        """Share of right answers alone."""
        return _verdict(file, self.x, self.labels, self.expected)["accuracy"]


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
    """Judge a file on real data.

    Args:
        file: The file.
        model: The Keras model whose weights are in it.
        x: Inputs.
        labels: Number of the right class of each, or probabilities of the classes.
        method: How the file was made.
        expected: What the network gave for `x` before it was compressed: an array, or several by
            name.
        epochs: Epochs of each step of the method.
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
        **_verdict(file, x, labels, expected),
        median_ms=export.benchmark(file, seconds=0.3).median,
        file=str(file.path),
        epochs=epochs or {},
    )


def _accuracy(outputs, labels):
    """Share of outputs whose largest number is the right class's."""
    if labels is None or not _classifies(outputs):
        return None
    if labels.shape == outputs.shape:
        labels = labels.argmax(-1)
    labels = labels.reshape(-1)
    answers = outputs.argmax(-1).reshape(-1)
    integers = np.issubdtype(labels.dtype, np.integer)
    return float(np.mean(answers == labels)) if integers and len(answers) == len(labels) else None


def _verdict(file, x, labels, expected):
    try:
        received = file.predict(x)
    except InvalidInput:  # data of other sizes than the file's, such as longer texts
        return dict.fromkeys(("accuracy", "agreement", "largest_error"))
    if not isinstance(expected, dict):
        expected = {"output": expected}
    if not isinstance(received, dict):
        received = dict.fromkeys(expected, received)
    activate = trace.ACTIVATIONS.get(file.card.activation, lambda values: values)
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


def _gather(data, count):
    """The first inputs and labels of the data that are of one size."""
    if isinstance(data, tuple):
        data = tf.data.Dataset.from_tensor_slices(data).batch(64)
    batches, seen = [], 0
    for batch in data:
        batch = keras.utils.unpack_x_y_sample_weight(batch)[:2]
        if batches and _shapes(batch) != _shapes(batches[0]):
            continue
        batches.append(batch)
        seen += len(tree.flatten(batch)[0])
        if count is not None and seen >= count:
            break
    if not batches:
        raise InvalidInput("data to judge by", "at least one batch", "none")
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
