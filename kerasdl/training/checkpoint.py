"""Checkpoints of everything that training changes, so that a stopped run can continue."""

import json
import os
import pathlib
import threading
import time
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks import rates, state
from kerasdl.errors import InvalidInput
from kerasdl.utils import plain_text, schema

SECONDS = 5.0  # least time between two checkpoints by default ...
TIMES = 75  # ... or that many times what one cost; fifty would be 2 %, but not all is counted
BYTES_A_SECOND = 500e6  # how fast the first checkpoint is expected to be written
# the contents of a checkpoint besides its arrays; see `kerasdl.utils.schema`
NUMBERS = schema.listed(schema.optional(schema.is_float))
META = {
    **dict.fromkeys(("epoch", "step"), schema.is_count),
    **dict.fromkeys(("lowered", "arrays"), schema.listed(schema.is_text)),
    "history": {"*": NUMBERS},
    "logs": {"*": schema.is_float},
    "seconds?": schema.is_float,
    "ended?": schema.is_flag,
    "callbacks?": schema.listed({"*": schema.optional(schema.is_float)}),
}
# the state of Keras's EarlyStopping and ReduceLROnPlateau
WAITING = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau)
REMEMBERED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


class Checkpoint(keras.callbacks.Callback):
    """Save model, optimizers, seeds, metrics and history between steps, and restore them.

    The latest and the previous checkpoint are kept. Each is written to a temporary file and
    renamed, so a kill never leaves a torn one; checksums detect one that the disk has damaged.
    Nothing is saved while a weight is NaN or infinite.

    The state is copied between two steps, and a thread writes the copy while training continues. If
    the copy would take more than half of the available memory, training waits instead. An error of
    the thread, such as a full disk, is raised after the next step.

    By default, checkpoints take at most 2 % of the training time: the next one is due after 5
    seconds, or after 75 times what the last one cost, if that is longer. Its cost is the time that
    training waited and the processor time of the thread. A kill loses the work since the last
    checkpoint was begun, that is, at most that interval and the time of writing. Until one is
    written, a cost of two seconds for 1 GB of weights and optimizer state is assumed.

    Args:
        folder: Where the checkpoints are.
        seconds: float, the least time between two checkpoints whatever they cost; 0 saves after
            every step. A kill loses the work of that time and of the time that writing takes.
            `None` adapts the time as described above.
        writes: bool, whether this process saves; of several workers only the chief does.
        steps: int, steps in an epoch. `None` saves only at the end of an epoch, and no metrics:
            with several replicas, each holds a part of them.
        epochs: int, the length of the training, for messages.
        callbacks: Further callbacks of the training. EarlyStopping and ReduceLROnPlateau are saved
            and restored, too.
    """

    def __init__(
        self,
        folder: str | pathlib.Path,
        seconds: float | None = None,
        writes: bool = True,
        steps: int | None = None,
        epochs: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ):
        super().__init__()
        self.writes = writes
        self.file = pathlib.Path(folder) / "latest.npz"
        self.previous = self.file.with_name("previous.npz")
        self.seconds = seconds
        self.steps = steps
        self.epochs = epochs
        self.remembering = [each for each in callbacks if isinstance(each, WAITING)]
        self.remembered: list[tuple[dict, list]] = []  # the saved state of each of them
        self.ended = False  # whether a callback ended the training before its last epoch
        self.begun = self.start = time.monotonic()  # the last checkpoint, and the training
        self.cost: float | None = None  # seconds that the last checkpoint took from training
        self.before = 0.0
        self.saved = 0, 0  # whole epochs, and steps of the next one, that are saved
        self.now = 0, 0  # the same, that are trained
        self.snapshot = state.Snapshot()  # the copy, which other callbacks may use, too
        self.thread: threading.Thread | None = None  # that writes
        self.failure: BaseException | None = None  # of the thread
        self.lowered: list[str] = []  # the reason for each halving of the learning rate
        self.history: dict[str, list] = {}
        self.logs: dict[str, float] = {}  # of the current epoch
        self.metrics: list[Any] = []

    @property
    def epoch(self) -> int:
        """The number of whole epochs that are saved."""
        return self.saved[0]

    @property
    def step(self) -> int:
        """The number of steps of the next epoch that are saved."""
        return self.saved[1]

    @property
    def spent(self) -> float:
        """Seconds of training, including those before interruptions."""
        return self.before + time.monotonic() - self.start

    def restore(self, model: keras.Model, data: tf.data.Dataset | None = None):
        """Restore the latest readable checkpoint, if there is one.

        Args:
            model: keras.Model, compiled, with built optimizers.
            data: The dataset that the model is fitted to; it may be needed to create metrics.
        """
        candidates = [file for file in (self.file, self.previous) if file.exists()]
        tested = False
        for number, file in enumerate(candidates):
            try:
                meta, values, metrics, weights = _read(file)
                _check(values, state.variables_of(model))
                place = meta["epoch"], meta["step"]
                if self.epochs is not None and place > (self.epochs, 0):
                    raise ValueError(f"it is of epoch {place[0] + 1}")
                if self.steps is not None and place[1] > self.steps:
                    raise ValueError(f"it is of step {place[1]}")
            except Exception as error:  # a damaged file may raise any exception
                self._tell(file, error, number == len(candidates) - 1)
                continue
            if metrics and not tested:
                # creates metrics that Keras builds only with a first batch
                model.test_step(next(iter(cast(Iterable, data))))
                tested = True
            try:
                _check(metrics, model.metrics_variables if metrics else [])
            except ValueError as error:
                self._tell(file, error, number == len(candidates) - 1)
                continue
            self._lower(model, meta["lowered"])
            state.put(state.variables_of(model), values)
            self.saved = self.now = meta["epoch"], meta["step"]
            self.before = max(self.spent, meta.get("seconds", 0.0))
            self.start = time.monotonic()
            self.history, self.logs, self.metrics = meta["history"], meta["logs"], metrics
            self.ended = meta.get("ended", False)
            self.remembered = [*zip(meta.get("callbacks", ()), weights, strict=False)]
            return

    def _tell(self, file, error, last):
        then = "training starts from the beginning" if last else "the previous one is used"
        plain_text.tell(f"{file} cannot be read ({error}); {then}")

    def lower(self, model: keras.Model, reason: str):
        """Halve the learning rate of a restored model and save the change."""
        self._lower(model, [*self.lowered, reason])
        self.set_model(model)
        self.save()

    def _lower(self, model, reasons):
        factor = 0.5 ** (len(reasons) - len(self.lowered))
        if factor != 1:
            for optimizer in state.optimizers_of(model):
                rates.lower(optimizer, factor)
            model.train_function = None  # the old rate was traced into it
        self.lowered = list(reasons)

    def on_train_begin(self, logs=None):
        # the other callbacks have just reset their state
        for callback, (known, weights) in zip(self.remembering, self.remembered, strict=False):
            for name, value in known.items():
                setattr(callback, name, value)
            if weights:
                callback.best_weights = weights
        self.remembered = []

    def on_epoch_begin(self, epoch, logs=None):
        if self.now[0] != epoch:
            self.now = epoch, 0
        if self.metrics:  # training continues in the middle of the epoch
            state.put(self.model.metrics_variables, self.metrics)
            self.metrics = []

    def on_train_batch_end(self, batch, logs=None):
        if self.steps is None:
            return
        # `batch` is the last step of a full execution; an epoch's last one is shorter
        self.now, self.logs = (self.now[0], min(batch + 1, self.steps)), logs
        if self.now[1] == self.steps:
            # copied now, because validation overwrites them
            self.metrics = state.copy(self.model.metrics_variables)
        self._save_if_due()

    def on_epoch_end(self, epoch, logs=None):
        logs, before = logs or {}, max(map(len, self.history.values()), default=0)
        for name in {**self.history, **logs}:  # a metric may be missing in some epochs
            value = logs.get(name)
            curve = self.history.setdefault(name, [None] * before)
            curve.append(None if value is None else float(value))
        self.now, self.logs, self.metrics = (epoch + 1, 0), {}, []
        self.ended = bool(self.model.stop_training)
        self._save_if_due()

    def on_train_end(self, logs=None):
        self.wait()
        if self.writes and self.now != self.saved:
            self.save()

    def _save_if_due(self):
        writing = self.thread is not None and self.thread.is_alive()
        if not writing:
            self.wait()  # raises its error
        if not self.writes or time.monotonic() - self.begun < self._interval():
            return
        if self.seconds is None and writing:  # the disk is slow
            return
        self.wait()
        begin = time.monotonic()
        if not self.snapshot.take(self.model, self.now):
            return self.save()
        contents = self._contents(self.snapshot.values)
        self.begun, self.snapshot.held = begin, True
        work = self.now, contents, time.monotonic() - begin
        thread = threading.Thread(target=self._write_in_thread, args=work, daemon=True)
        thread.start()
        self.thread = thread

    def _interval(self):
        if self.seconds is not None:
            return self.seconds
        if self.cost is None:
            self.cost = state.size_of(state.variables_of(self.model)) / BYTES_A_SECOND
        return max(SECONDS, TIMES * self.cost)

    def save(self) -> None:
        """Save the current state, and return when it is written."""
        self.wait()
        if not state.is_finite(self.model):
            return
        self.begun = time.monotonic()
        self._write(self.now, self._contents(map(state.view, state.variables_of(self.model))))
        self.cost = time.monotonic() - self.begun

    def wait(self) -> None:
        """Wait until the last checkpoint is written; raise the error if it could not be."""
        if self.thread:
            self.thread.join()
            self.thread = None
        if self.failure:
            failure, self.failure = self.failure, None
            raise failure

    def _contents(self, values):
        """Return the arrays of a checkpoint of a model whose variables have these values."""
        epoch, step = self.now
        numbers = {name: float(value) for name, value in self.logs.items()}
        meta = {"epoch": epoch, "step": step, "lowered": self.lowered, "seconds": self.spent}
        meta.update(history=self.history, logs=numbers, ended=self.ended)
        meta["callbacks"] = [
            {name: _plain(vars(each)[name]) for name in REMEMBERED if name in vars(each)}
            for each in self.remembering
        ]
        arrays = {f"v{i}": value for i, value in enumerate(values)}
        metrics = (self.metrics or state.copy(self.model.metrics_variables)) if step else []
        arrays |= {f"m{i}": value for i, value in enumerate(metrics)}
        arrays |= {
            f"c{i}_{j}": np.asarray(weight)
            for i, each in enumerate(self.remembering)
            for j, weight in enumerate(getattr(each, "best_weights", None) or ())
        }
        return {"meta": np.array(json.dumps({**meta, "arrays": list(arrays)})), **arrays}

    def _write_in_thread(self, place, contents, waited):
        begin = time.thread_time()
        try:
            self._write(place, contents)
        except BaseException as error:  # raised in the main thread by `wait`
            self.failure = error
        finally:
            self.snapshot.held = False
        self.cost = waited + time.thread_time() - begin

    def _write(self, place, contents):
        """Write a checkpoint to a temporary file, and rename it."""
        partial = self.file.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                _write_arrays(file, contents)
                file.flush()
                os.fsync(file.fileno())
            if self.file.exists():
                os.replace(self.file, self.previous)
            os.replace(partial, self.file)
        except OSError as error:
            partial.unlink(missing_ok=True)
            expected = f"a writable folder with room ({self.kept()} are kept)"
            raise InvalidInput("place for checkpoints", expected, error) from error
        self.saved = place

    def kept(self) -> str:
        """Describe in words how much training is saved."""
        epoch, step = self.saved
        steps = f" and {step} of {self.steps} steps" if step else ""
        total = f" of {self.epochs}" if self.epochs else ""
        return f"{epoch}{total} epochs{steps}"


def _plain(value):
    return value if value is None or isinstance(value, int) else float(value)


def _check(arrays, variables):
    if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise ValueError("it is of another model")


def _write_arrays(file, arrays):
    """Write what `np.savez` writes, but without copying the arrays in pieces."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            array = np.asarray(array, order="C")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                header = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(entry, header)
                entry.write(array.reshape(-1).view(np.uint8))  # also adds to the checksum


def _read(file):
    """Read a checkpoint; reading every array verifies its checksum."""
    with file.open("rb") as opened, np.load(opened) as saved:
        # `_write_arrays` compresses nothing; what is compressed may unpack to more than the memory
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in saved.zip.infolist()):
            raise ValueError("it holds compressed arrays")
        arrays = {name: saved[name] for name in saved.files}
    meta = json.loads(str(arrays.pop("meta")))
    schema.check(meta, META)
    if meta["arrays"] != list(arrays):  # nothing else protects a missing array
        raise ValueError("its list of contents is damaged")
    values, metrics = ([a for n, a in arrays.items() if n[0] == kind] for kind in "vm")
    count = len(meta.get("callbacks", ()))
    weights = [[a for n, a in arrays.items() if n.startswith(f"c{i}_")] for i in range(count)]
    return meta, values, metrics, weights
