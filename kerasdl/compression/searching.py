"""Search for the smallest file that is accurate enough."""

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import keras
import tensorflow as tf

from kerasdl import errors, export
from kerasdl.compression import compile_settings, pruning, resuming
from kerasdl.compression import methods as compression_methods
from kerasdl.compression.reporting import Evaluator, Report
from kerasdl.errors import InvalidInput
from kerasdl.export import convert, quantize, trace
from kerasdl.utils import checks, plain_text, types
from kerasdl.utils.fast_training import fast_training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CONVERTED = ("float", "float16", "dynamic", "int8", "int4")
TRAINED = ("prune", "qat", "pqat", "cqat", "pcqat")
METHODS = (*CONVERTED, *TRAINED)
INTEGER = ("int8", "qat", "pqat", "cqat", "pcqat")  # can have int8 inputs and outputs
KNOWN = {*CONVERTED, *TRAINED, *compression_methods.METHODS}
PREFERENCES = ("size", "latency")
NOTABLE = 1.2  # times the float file's latency from which a file is called slower
STEP_COST = 1.25  # of a step of plain training (median in benchmarks/results/compression.json)
MEASURED = 50  # steps at most that the time is judged by
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
                "slower": bool(item.median_ms >= NOTABLE * whole.median_ms),
                "ok": bool(_accuracy(item) >= _accuracy(whole) - self.max_drop),
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
    methods: tuple[str, ...] = METHODS,
    epochs: int = 10,
    folder: str | pathlib.Path | None = None,
    sparsity: float = 0.8,
    scope: str = "global",
    clusters: int = 16,
    optimizer: str | dict | keras.Optimizer | Callable[[str, int], keras.Optimizer] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    prefer: str = "size",
    input_type: types.InputType = "float32",
    seed: int | None = None,
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
        input_type: str, the type of inputs and outputs. With "int8", only methods that compute in
            int8 are tried; the float file that they are compared with has float inputs.
        seed: int, random seed of each method, so that a search that was killed continues to the
            same files as one that was not. By default, random numbers continue from one method to
            the next. A killed search is continued from its last finished method by a search with
            the same folder, weights, data and settings.
        progress: A function that is called with a line of text before each method.
        notice: A function that is called with a line of text: after each method, what its file is
            like; after the float file, which is made first, about how long the others will take.
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
    errors.one_of("value for argument `input_type`", input_type, convert.INPUT_TYPES)
    if input_type == "int8":
        methods = INTEGER if methods == METHODS else methods
        for method in methods:
            errors.one_of("method with `input_type` int8", method, ["float", *INTEGER])
    checks.numbers(above=0, below=1, sparsity=sparsity)
    checks.fractions(one=True, max_drop=max_drop)
    checks.choices(pruning.SCOPES, scope=scope)
    checks.integers(epochs=epochs, limit=checks.LARGEST)
    checks.integers(at_least=0, below=2**32, seed=seed, optional=True)
    checks.integers(at_least=3, below=257, clusters=clusters)
    checks.choices(PREFERENCES, prefer=prefer)
    checks.callables(progress=progress, notice=notice)
    checks.paths(folder=folder, optional=True)
    checks.datasets(train=getattr(data, "train", None))
    batches = isinstance(getattr(data, "test", None), Iterable)
    checks.check("data", data, batches, "an object with `train` and `test`, batches each")
    folder = _folder(folder)
    evaluator = test = Evaluator(model, data.test)
    if getattr(data, "validation", None) is not None:
        validation = Evaluator(model, data.validation)
        evaluator = validation if len(validation) * max_drop >= 1 else test
    start = [variable.numpy() for variable in model.variables]
    file_options = dict(file_options or {})
    integer_options = {**file_options, "input_type": input_type}

    def attempt(method, sparsity, name):
        """Make one file and return its report."""
        progress(name)
        if seed is not None:  # a method's file does not depend on the methods before it
            keras.utils.set_random_seed(seed)
            if hasattr(data, "epoch"):
                data.epoch.assign(-1)
        options = {"epochs": epochs, "callbacks": list(callbacks), **fit_options}
        path = folder / f"{name}.tflite"
        try:
            if method in CONVERTED:
                given = data.train if method == "int8" else None
                facts = integer_options if method == "int8" else file_options
                facts = facts if method == "float" else {**facts, "quantize": method}
                file = export.to_litert(model, path, calibration=given, **facts)
                found = evaluator.report(file, model, method=name)
            elif method == "prune":
                options["optimizer"] = own and own("prune", epochs)
                pruning.prune(model, data.train, sparsity=sparsity, scope=scope, **options)
                file = export.to_litert(model, path, sparse=True, **file_options)
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
                    file_options=integer_options,
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

    own = optimizer and compile_settings.optimizer_factory(optimizer)
    settings = {
        "scope": scope,
        "clusters": clusters,
        "sparsity": sparsity,
        "input_type": input_type,
        "seed": seed,
        "file_options": sorted(file_options.items()),
        "fit_options": sorted(fit_options),
        "steps": len(data.train),
    }
    finished = resuming.Finished(folder, resuming.key_of(model, evaluator, own, epochs, settings))
    finished.write()
    waiting = [method for method in dict.fromkeys(methods) if method != "float"]
    clock = _Clock(waiting, epochs)
    reports: list[Report] = []
    if finished.reports:
        notice(f"Continuing a search that was interrupted, after {', '.join(finished.reports)}.")

    def add(method, sparsity, name):
        """Make the file of one method unless it is there, and tell about its size and accuracy."""
        begin = time.perf_counter()
        found = finished.get(name)
        reports.append(found or attempt(method, sparsity, name))
        taken = time.perf_counter() - begin
        if reports[0].accuracy is None:
            raise InvalidInput("test data", "inputs and class numbers", "something else")
        if found:
            notice(f"{_described(found, reports[0])}, made before")
            return
        finished.add(reports[-1])
        more = clock.rest(taken) if method not in CONVERTED else ""
        notice(f"{_described(reports[-1], reports[0])}, made in {plain_text.duration(taken)}{more}")
        file = export.LiteRTModel(reports[-1].file)
        if method == "dynamic" and file.metadata.quantize is None:
            notice(f"{file.path.name} {quantize.IN_FLOAT}")
        times = file.size / reports[0].size
        if larger := trace.note_if_larger(model, method, file.path.name, times):
            notice(larger)

    begin = time.perf_counter()
    add("float", None, "float")
    converting = time.perf_counter() - begin  # of each method, besides training
    if model.compiled and any(m not in CONVERTED and not finished.get(m) for m in waiting):
        changed = [*model.variables, *([data.epoch] if hasattr(data, "epoch") else [])]
        before = [variable.numpy() for variable in changed]
        seconds = _seconds_per_epoch(model, data.train)
        for variable, value in zip(changed, before, strict=True):
            variable.assign(value)
        notice(clock.all(seconds, converting, finished.reports))
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
    finished.remove()
    return Found(best_of(reports, max_drop, prefer), tuple(reports), max_drop, prefer)


def _folder(path) -> pathlib.Path:
    """Return the folder for the files, which need not exist yet; by default a temporary one."""
    try:
        folder = pathlib.Path(path or tempfile.mkdtemp())
        folder.mkdir(exist_ok=True)
        return folder
    except OSError as error:
        expected = "one that can be written, with room (TMPDIR chooses where temporary ones are)"
        raise InvalidInput("folder for the files", expected, error) from error


def _seconds_per_epoch(model, train) -> float:
    """Return how long an epoch of plain training takes, from about a second of it.

    The weights do not change; the state of layers such as batch normalization does.
    """

    @tf.function(reduce_retracing=True)
    def step(x, y, weight):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, y, model(x, training=True), weight)
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    with fast_training():
        batches = iter(train.repeat())
        step(*keras.utils.unpack_x_y_sample_weight(next(batches)))  # traces
        begin, count = time.perf_counter(), 0
        while count < MEASURED and time.perf_counter() - begin < 1:
            step(*keras.utils.unpack_x_y_sample_weight(next(batches)))
            count += 1
        return (time.perf_counter() - begin) / count * len(train)


class _Clock:
    """Tell about how long the methods that train take.

    Args:
        waiting: Names of the methods that are left, a list that gets shorter.
        epochs: int, number of epochs of a method.
    """

    def __init__(self, waiting: list[str], epochs: int):
        self.waiting = waiting
        self.epochs = epochs

    def all(self, seconds: float, converting: float, finished: Container[str]) -> str:
        """Return about how long the methods take.

        Args:
            seconds: float, seconds of an epoch of plain training.
            converting: float, seconds that a method takes besides training.
            finished: Names of the methods that are finished.
        """
        left = [method for method in self.waiting if method not in finished]
        count = sum(method not in CONVERTED for method in left)
        training = seconds * STEP_COST * self.epochs * count
        whole = plain_text.duration(training + converting * len(left))
        each = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        methods = "1 method trains" if count == 1 else f"{count} methods train"
        return f"{methods}, {each} each: about {whole}, judging by a few steps and the float file."

    def rest(self, seconds: float) -> str:
        """Return about how long the methods that are left take, if the last one took `seconds`."""
        left = sum(method not in CONVERTED for method in self.waiting)
        return f", about {plain_text.duration(seconds * left)} more" if left else ""


def _described(report, whole) -> str:
    times = whole.zipped_size / report.zipped_size
    return (
        f"{report.method}: accuracy {report.accuracy:.4g}, {report.zipped_size / 1e3:,.1f} kB "
        f"zipped ({times:.1f} times smaller), {report.median_ms:.3g} ms"
    )
