"""What a compressed file is worth, in numbers."""

import dataclasses

import keras
import numpy as np

from kerasdl import export
from kerasdl.compression import pruning
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
        accuracy: Share of right answers; `None` without labels.
        agreement: Share of answers that are the first network's.
        largest_error: Largest difference from the first network's outputs.
        median_ms: Milliseconds of one call on one thread.
        file: The file.
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
    largest_error: float
    median_ms: float
    file: str

    def row(self) -> dict:
        """For a table."""
        return {
            "method": self.method,
            "accuracy": self.accuracy,
            "agreement": self.agreement,
            "zeros": round(self.zeros, 3),
            "kB": round(self.size / 1e3, 1),
            "zipped_kB": round(self.zipped_size / 1e3, 1),
            "median_ms": self.median_ms,
        }


def report(
    file: LiteRTModel, model: keras.Model, x, labels=None, *, method: str, expected: np.ndarray
) -> Report:
    """Judge a file on real data.

    Args:
        file: The file.
        model: The Keras model whose weights are in it.
        x: Inputs.
        labels: Number of the right class of each.
        method: How the file was made.
        expected: What the network gave for `x` before it was compressed.
    """
    outputs = file.predict(x)
    answers = outputs.argmax(-1)
    kernels = pruning.kernels(model)
    return Report(
        method=method,
        parameters=model.count_params(),
        zeros=sum(np.sum(v.numpy() == 0) for v in kernels) / sum(v.numpy().size for v in kernels),
        sparsity={v.path: float(np.mean(v.numpy() == 0)) for v in kernels},
        unique={v.path: len(np.unique(v.numpy())) for v in kernels},
        size=file.size,
        zipped_size=file.zipped_size,
        accuracy=None if labels is None else float(np.mean(answers == labels)),
        agreement=float(np.mean(answers == expected.argmax(-1))),
        largest_error=float(np.abs(outputs - expected).max()),
        median_ms=export.benchmark(file, seconds=0.3).median,
        file=str(file.path),
    )
