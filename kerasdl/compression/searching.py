"""Search for the smallest file that is accurate enough."""

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import keras

from kerasdl import errors, export
from kerasdl.compression import compile_settings, pruning
from kerasdl.compression import methods as compression_methods
from kerasdl.compression.reporting import Evaluator, Report
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CONVERTED = ("float", "float16", "dynamic", "int8", "int4")
TRAINED = ("prune", "qat", "pqat", "cqat", "pcqat")
KNOWN = {*CONVERTED, *TRAINED, *compression_methods.METHODS}
PREFERENCES = ("size", "latency")
NOTABLE = 1.2  # times the float file's latency from which a file is called slower
LOWERED = ("pqat", "pcqat")  # "prune" alone, with fewer zeros, is larger than "qat"


@dataclasses.dataclass(frozen=True)
class Found:
    """The result of `search`.

    Args:
        best: Report of the smallest or fastest file, among those that are accurate enough.
        reports: Reports of all files, in the order in which they were made.
        max_drop: float, allowed loss of accuracy relative to the float file.
        prefer: str, "size" or "latency", what decided.
    """

    best: Report
    reports: tuple[Report, ...]
    max_drop: float
    prefer: str = "size"

    def slower(self) -> str:
        """Return a sentence if the best file is slower than the float file, else an empty text."""
        whole, fastest = self.reports[0], best_of(self.reports, self.max_drop, "latency")
        times = self.best.median_ms / whole.median_ms
        if times < NOTABLE:
            return ""
        other = f"; the fastest is {fastest.method}" if fastest is not self.best else ""
        return (
            f"{self.best.method} is {whole.zipped_size / self.best.zipped_size:.1f} times smaller "
            f"than float, but takes {times:.1f} times as long on this processor{other}."
        )

    def rows(self) -> list[dict]:
        """Return a table: each file, its size and speed relative to float, and the best one."""
        whole = self.reports[0]
        return [
            {
                **item.row(),
                "smaller": round(whole.zipped_size / item.zipped_size, 1),
                "faster": round(whole.median_ms / item.median_ms, 1),
                "ok": _accuracy(item) >= _accuracy(whole) - self.max_drop,
                "best": item is self.best,
            }
            for item in self.reports
        ]

    def figure(self) -> "Figure":
        """Plot zipped size against accuracy, a point for each file."""
        from kerasdl import explain

        figure = explain.trade_off(self.rows(), self.max_drop)
        if self.best.test_accuracy is not None:
            figure.axes[0].set_title("accuracy on the validation data")
        return figure


def best_of(reports: Sequence[Report], max_drop: float, prefer: str) -> Report:
    """Return the best report among those that are accurate enough; the first is that of float.

    Latencies within a tenth of the least are equal, because measurements vary; of their files the
    smallest is the best.

    Args:
        reports: The reports.
        max_drop: float, allowed loss of accuracy relative to the first.
        prefer: str, "size" or "latency".
    """
    enough = [r for r in reports if _accuracy(r) >= _accuracy(reports[0]) - max_drop]
    if prefer == "latency":
        least = min(report.median_ms for report in enough)
        enough = [report for report in enough if report.median_ms <= 1.1 * least]
    return min(enough, key=lambda report: report.zipped_size)


def _accuracy(report: Report) -> float:
    """Return the accuracy of a file; `search` makes no report without one."""
    return cast(float, report.accuracy)


def search(
    model: keras.Model,
    data: Any,
    max_drop: float = 0.005,
    *,
    methods: tuple[str, ...] = (*CONVERTED, *TRAINED),
    epochs: int = 10,
    folder: str | pathlib.Path | None = None,
    sparsity: float = 0.8,
    scope: str = "global",
    clusters: int = 16,
    optimizer: str | dict | keras.Optimizer | Callable[[str, int], keras.Optimizer] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    prefer: str = "size",
    progress: Callable[[str], None] = lambda line: None,
    notice: Callable[[str], None] = lambda line: None,
    file_options: dict | None = None,
    **fit_options,
) -> Found:
    """Try methods from cheapest to most expensive and find the smallest file within `max_drop`.

    Methods that only convert take seconds; those that train take epochs and save more. Accuracy is
    measured on the files themselves, run by the LiteRT interpreter. If pqat or pcqat loses too much
    accuracy, it is repeated once with twice as many nonzero weights. The model keeps its weights.

    "cluster" is not tried by default: its zipped float file is larger than that of "int4" and than
    the int8 file of "cqat", which has the same clusters.

    Args:
        model: A trained and compiled Keras model that returns logits of classes.
        data: An object with the attributes `train`, a `tf.data.Dataset` of batches to train on,
            and `test`, batches of inputs and class numbers. If it has `validation` with at least
            1 / max_drop examples, files are chosen on that, and the test accuracy is reported too.
            Else files are chosen on the test data.
        max_drop: float in [0, 1], allowed loss of accuracy relative to the float file.
        methods: tuple of str, the methods to try. "float" is always made first.
        epochs: int, number of epochs of each method that trains.
        folder: Path of the folder for the files; by default a new temporary one.
        sparsity: float, fraction of zeros in the first attempt, in (0, 1).
        scope: str, see `prune`. The default, "global", prunes sensitive layers less.
        clusters: int, the largest number of distinct weights in each kernel.
        optimizer: As in `compress`.
        callbacks: Keras callbacks for training.
        prefer: str, whether "best" is the smallest zipped file or the one with the least
            "latency" on this machine.
        progress: A function that is called with a line of text before each method.
        notice: A function that is called with a line of text after each method: what its file is
            like, and about how long the others will take.
        file_options: dict, further arguments of `kerasdl.export.to_litert`, such as `labels`.
        **fit_options: Further arguments of `fit`.

    Returns:
        The reports of all files and the best one, as `Found`.

    Example:
        >>> import kerasdl
        >>> model = kerasdl.create_model("simple_cnn_tiny", input_shape=(8, 8, 1))
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("adam", loss, metrics=["accuracy"])
        >>> splits = kerasdl.data.load("digits")
        >>> found = search(model, splits, methods=("float", "float16"))
        >>> [report.method for report in found.reports]
        ['float', 'float16']
    """
    checks.models(model=model)
    listed = isinstance(methods, (tuple, list)) and bool(methods)
    checks.check("methods", methods, listed, "a tuple of at least one method")
    for method in methods:
        errors.one_of("method", method, sorted(KNOWN))
    checks.numbers(above=0, below=1, sparsity=sparsity)
    checks.fractions(one=True, max_drop=max_drop)
    checks.choices(pruning.SCOPES, scope=scope)
    checks.integers(epochs=epochs, limit=checks.LARGEST)
    checks.integers(at_least=3, below=257, clusters=clusters)
    checks.choices(PREFERENCES, prefer=prefer)
    checks.callables(progress=progress, notice=notice)
    checks.paths(folder=folder, optional=True)
    checks.datasets(train=getattr(data, "train", None))
    batches = isinstance(getattr(data, "test", None), Iterable)
    checks.check("data", data, batches, "an object with `train` and `test`, batches each")
    folder = pathlib.Path(folder or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    evaluator = test = Evaluator(model, data.test)
    if getattr(data, "validation", None) is not None:
        validation = Evaluator(model, data.validation)
        evaluator = validation if len(validation) * max_drop >= 1 else test
    start = [variable.numpy() for variable in model.variables]

    def attempt(method, sparsity, name):
        """Make one file and return its report."""
        progress(name)
        options = {"epochs": epochs, "callbacks": [*callbacks, clock], **fit_options}
        path = folder / f"{name}.tflite"
        try:
            if method in CONVERTED:
                quantize = None if method == "float" else method
                given = data.train if quantize == "int8" else None
                file = export.to_litert(
                    model, path, quantize=quantize, calibration=given, **(file_options or {})
                )
                found = evaluator.report(file, model, method=name)
            elif method == "prune":
                own = optimizer and compile_settings.optimizer_factory(optimizer)("prune", epochs)
                pruning.prune(
                    model, data.train, sparsity=sparsity, scope=scope, optimizer=own, **options
                )
                file = export.to_litert(model, path, sparse=True, **(file_options or {}))
                found = evaluator.report(file, model, method=name, epochs={"prune": epochs})
            else:
                result = compression_methods.compress(
                    model,
                    data.train,
                    method=method,
                    path=path,
                    sparsity=sparsity,
                    clusters=clusters,
                    optimizer=optimizer,
                    prune_options={"scope": scope},
                    file_options=file_options,
                    evaluator=evaluator,
                    **options,
                )
                found = dataclasses.replace(result.report, method=name)
        finally:
            for variable, value in zip(model.variables, start, strict=True):
                variable.assign(value)
        if evaluator is not test:
            accuracy = test.accuracy(export.LiteRTModel(path))
            found = dataclasses.replace(found, test_accuracy=accuracy)
        return found

    waiting = [method for method in methods if method != "float"]
    clock = _Clock(waiting, epochs, notice)
    reports: list[Report] = []

    def add(method, sparsity, name):
        """Make the file of one method, report on it, and print its size and accuracy."""
        begin = time.perf_counter()
        reports.append(attempt(method, sparsity, name))
        taken = time.perf_counter() - begin
        if reports[0].accuracy is None:
            raise InvalidInput("test data", "inputs and class numbers", "something else")
        more = clock.rest(taken) if method not in CONVERTED else ""
        notice(f"{_described(reports[-1], reports[0])}, made in {plain_text.duration(taken)}{more}")

    add("float", None, "float")
    least = _accuracy(reports[0]) - max_drop
    while waiting:
        method = waiting.pop(0)
        try:
            add(method, sparsity, method)
        except InvalidInput as error:  # a layer that this method cannot take; others may
            if len(methods) == 1:
                raise
            progress(f"Skipping {method}: {error}")
            continue
        lower = round(1 - 2 * (1 - sparsity), 3)
        if method in LOWERED and _accuracy(reports[-1]) < least and lower > 0:
            add(method, lower, f"{method}-{lower:g}")
    return Found(best_of(reports, max_drop, prefer), tuple(reports), max_drop, prefer)


class _Clock(keras.callbacks.Callback):
    """After the first epoch of all, tell about how long the methods that train will take.

    Args:
        waiting: Names of the methods that are left, a list that gets shorter.
        epochs: int, number of epochs of a method.
        notice: A function of a line of text.
    """

    def __init__(self, waiting: list[str], epochs: int, notice: Callable[[str], None]):
        super().__init__()
        self.waiting = waiting
        self.epochs = epochs
        self.notice = notice
        self.told = False

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if not self.told:
            self.told = True
            count = 1 + self._left()
            seconds = (time.perf_counter() - self.begin) * self.epochs * count
            what = f"The {count} methods that train take" if count > 1 else "This takes"
            self.notice(f"{what} about {plain_text.duration(seconds)}.")

    def rest(self, seconds: float) -> str:
        """Return about how long the methods that are left take, if the last one took `seconds`."""
        return f", about {plain_text.duration(seconds * self._left())} more" if self._left() else ""

    def _left(self):
        return sum(method not in CONVERTED for method in self.waiting)


def _described(report, whole) -> str:
    times = whole.zipped_size / report.zipped_size
    return (
        f"{report.method}: accuracy {report.accuracy:.4g}, {report.zipped_size / 1e3:,.1f} kB "
        f"zipped ({times:.1f} times smaller), {report.median_ms:.3g} ms"
    )
