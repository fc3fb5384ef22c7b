"""The smallest file that is still good enough."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable

import keras

from kerasdl import errors, export
from kerasdl.compression import compressing, objective, pruning
from kerasdl.compression.reporting import Judge, Report
from kerasdl.errors import InvalidInput

CONVERTED = ("float", "float16", "dynamic", "int8", "int4")
TRAINED = ("prune", "qat", "pqat", "cqat", "pcqat")
LOWERED = ("pqat", "pcqat")  # "prune" alone, with fewer zeros, is larger than "qat"


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

        figure = explain.trade_off(self.rows(), self.max_drop)
        if self.best.test_accuracy is not None:
            figure.axes[0].set_title("accuracy on the validation data")
        return figure


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
    optimizer=None,
    callbacks=(),
    progress: Callable[[str], None] = lambda line: None,
    file_options: dict | None = None,
    **fit_options,
) -> Found:
    """Try methods from cheap to dear, and choose the smallest file within the allowed drop.

    Converting costs seconds; what trains costs epochs and gives more. The model keeps its weights.
    Accuracy is of the files themselves, run by the LiteRT interpreter. Where pqat or pcqat loses
    too much, it is tried once more with twice as many weights left.

    "cluster" is not tried by default: its floats, zipped, are larger than the bytes of cqat, which
    has the same clusters, and than int4.

    Args:
        model: A trained and compiled Keras model that gives logits of classes.
        data: `data.train`, a `tf.data.Dataset` of batches to learn from, and `data.test`, batches
            of inputs and numbers of classes. Files are chosen by `data.validation`, if it has
            enough examples to tell `max_drop`, 1 / max_drop of them: the accuracy on the test data,
            shown too, is then no flattery. Else they are chosen by the test data.
        max_drop: Accuracy that may be lost against the float file.
        methods: Which methods; "float" comes first in any case.
        epochs: Epochs of training for each of the methods that train.
        folder: Where the files go; by default a new temporary one.
        sparsity: Share of zeros, at first.
        scope: Where they may be; "global" spares the layers whose weights matter.
        clusters: Different weights in each kernel.
        optimizer: As `compress` takes it.
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
    judge = test = Judge(model, data.test)
    if getattr(data, "validation", None) is not None:
        validation = Judge(model, data.validation)
        judge = validation if len(validation) * max_drop >= 1 else test
    start = [variable.numpy() for variable in model.variables]

    def attempt(method, share, name):
        """One file, and what it is worth."""
        progress(name)
        options = {"epochs": epochs, "callbacks": list(callbacks), **fit_options}
        path = folder / f"{name}.tflite"
        try:
            if method in CONVERTED:
                quantize = None if method == "float" else method
                given = data.train if quantize == "int8" else None
                file = export.to_litert(
                    model, path, quantize=quantize, calibration=given, **(file_options or {})
                )
                found = judge.report(file, model, method=name)
            elif method == "prune":
                own = optimizer and objective.maker(optimizer)("prune", epochs)
                pruning.prune(
                    model, data.train, sparsity=share, scope=scope, optimizer=own, **options
                )
                file = export.to_litert(model, path, sparse=True, **(file_options or {}))
                found = judge.report(file, model, method=name, epochs={"prune": epochs})
            else:
                result = compressing.compress(
                    model,
                    data.train,
                    method=method,
                    path=path,
                    sparsity=share,
                    clusters=clusters,
                    optimizer=optimizer,
                    prune_options={"scope": scope},
                    file_options=file_options,
                    judge=judge,
                    **options,
                )
                found = dataclasses.replace(result.report, method=name)
        finally:
            for variable, value in zip(model.variables, start, strict=True):
                variable.assign(value)
        if judge is not test:
            accuracy = test.accuracy(export.LiteRTModel(path))
            found = dataclasses.replace(found, test_accuracy=accuracy)
        return found

    reports = [attempt("float", None, "float")]
    if reports[0].accuracy is None:
        raise InvalidInput("test data", "inputs and numbers of classes", "something else")
    least = reports[0].accuracy - max_drop
    for method in methods:
        if method == "float":
            continue
        try:
            reports.append(attempt(method, sparsity, method))
        except InvalidInput as refusal:  # of one method, by one layer: others may do
            if len(methods) == 1:
                raise
            progress(f"{method} is left out: {refusal}")
            continue
        lower = round(1 - 2 * (1 - sparsity), 3)
        if method in LOWERED and reports[-1].accuracy < least and lower > 0:
            reports.append(attempt(method, lower, f"{method}-{lower:g}"))
    enough = [found for found in reports if found.accuracy >= least]
    return Found(min(enough, key=lambda found: found.zipped_size), tuple(reports), max_drop)
