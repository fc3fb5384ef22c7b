"""The smallest file that is still good enough."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable

import keras
import numpy as np

from kerasdl import errors, export
from kerasdl.compression import compressing, pruning
from kerasdl.compression.reporting import Report, report
from kerasdl.errors import InvalidInput

CONVERTED = ("float", "float16", "dynamic", "int8", "int4")
TRAINED = ("prune", "qat", "pqat", "cqat", "pcqat")


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search gave.

    Args:
        best: The smallest file, zipped, among those whose accuracy may be.
        reports: All files, in the order in which they were tried.
        max_drop: Accuracy that might be lost against the float file.
    """

    best: Report
    reports: tuple[Report, ...]
    max_drop: float

    def rows(self) -> list[dict]:
        """A table: each file, how much smaller than the float file it is, and which was chosen."""
        whole = self.reports[0]
        return [
            {
                **item.row(),
                "times_smaller": round(whole.zipped_size / item.zipped_size, 1),
                "within": item.accuracy >= whole.accuracy - self.max_drop,
                "best": item is self.best,
            }
            for item in self.reports
        ]

    def figure(self):
        """Size against accuracy, a point for each file."""
        from kerasdl import explain

        return explain.trade_off(self.rows(), self.max_drop)


def search(
    model: keras.Model,
    data,
    max_drop: float = 0.005,
    *,
    methods: tuple[str, ...] = (*CONVERTED, *TRAINED),
    epochs: int = 10,
    folder: str | pathlib.Path | None = None,
    sparsity: float = 0.8,
    scope: str = "global",
    clusters: int = 16,
    callbacks=(),
    progress: Callable[[str], None] = lambda line: None,
    file_options: dict | None = None,
    **fit_options,
) -> Found:
    """Try methods from cheap to dear, and choose the smallest file within the allowed drop.

    Converting costs seconds; what trains costs epochs and gives more. The model keeps its weights.
    Accuracy is of the files themselves, run by the LiteRT interpreter.

    Args:
        model: A trained and compiled Keras model that gives logits of classes.
        data: `data.train`, a `tf.data.Dataset` of batches to learn from, and `data.test`, batches
            of inputs and numbers of classes, on which files are judged.
        max_drop: Accuracy that may be lost against the float file.
        methods: Which methods; "float" comes first in any case.
        epochs: Epochs of training for each of the methods that train.
        folder: Where the files go; by default a new temporary one.
        sparsity: Share of zeros.
        scope: Where they may be; "global" spares the layers whose weights matter.
        clusters: Different weights in each kernel.
        callbacks: For training.
        progress: Gets a line before each method.
        file_options: More for `kerasdl.export.to_litert`, such as `labels`.
        **fit_options: What `fit` takes.
    """
    for method in methods:
        errors.one_of("method", method, [*CONVERTED, *TRAINED, *compressing.METHODS])
    if not 0 < sparsity < 1:
        raise InvalidInput("value for argument `sparsity`", "0 < sparsity < 1", sparsity)
    if max_drop < 0:
        raise InvalidInput("value for argument `max_drop`", "0 or more", max_drop)
    folder = pathlib.Path(folder or tempfile.mkdtemp())
    batches = [keras.utils.unpack_x_y_sample_weight(batch)[:2] for batch in data.test]
    if not batches:
        raise InvalidInput("test data", "batches to judge files by", "none")
    x, labels = (
        np.concatenate([np.asarray(b) for b in part]) for part in zip(*batches, strict=True)
    )
    expected = np.concatenate([np.asarray(model.predict_on_batch(b)) for b, _ in batches])
    start = [variable.numpy() for variable in model.variables]
    options = {"epochs": epochs, "callbacks": list(callbacks), **fit_options}
    reports = []
    for method in ("float", *(m for m in methods if m != "float")):
        progress(method)
        path = folder / f"{method}.tflite"
        try:
            if method in CONVERTED:
                quantize = None if method == "float" else method
                given = data.train if quantize == "int8" else None
                file = export.to_litert(
                    model, path, quantize=quantize, calibration=given, **(file_options or {})
                )
            elif method == "prune":
                pruning.prune(model, data.train, sparsity=sparsity, scope=scope, **options)
                file = export.to_litert(model, path, sparse=True, **(file_options or {}))
            else:
                file = compressing.compress(
                    model,
                    data.train,
                    method=method,
                    path=path,
                    sparsity=sparsity,
                    clusters=clusters,
                    prune_options={"scope": scope},
                    file_options=file_options,
                    **options,
                ).litert
            reports.append(report(file, model, x, labels, method=method, expected=expected))
        finally:
            for variable, value in zip(model.variables, start, strict=True):
                variable.assign(value)
    enough = [r for r in reports if r.accuracy >= reports[0].accuracy - max_drop]
    return Found(min(enough, key=lambda r: r.zipped_size), tuple(reports), max_drop)
