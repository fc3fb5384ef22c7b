"""Checkpoints of everything that training changes, so that a stopped run can continue."""

import json
import os
import pathlib
import sys
import time
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from kerasdl.callbacks import rates, state
from kerasdl.errors import InvalidInput

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class Checkpoint(keras.callbacks.Callback):
    """Save model, optimizers, seeds, metrics and history between steps, and restore them.

    The latest and the previous checkpoint are kept. Each is written to a temporary file and
    renamed, so a kill never leaves a torn one; checksums detect one that the disk has damaged.
    Nothing is saved while a weight is NaN or infinite.

    Args:
        folder: Where the checkpoints are.
        seconds: float, the least time between two checkpoints; a kill loses about as much work.
        writes: bool, whether this process saves; of several workers only the chief does.
        steps: int, steps in an epoch. `None` saves only at the end of an epoch, and no metrics:
            with several replicas, each holds a part of them.
        epochs: int, the length of the training, for messages.
    """

    def __init__(
        self,
        folder: str | pathlib.Path,
        seconds: float = 5.0,
        writes: bool = True,
        steps: int | None = None,
        epochs: int | None = None,
    ):
        super().__init__()
        self.writes = writes
        self.file = pathlib.Path(folder) / "latest.npz"
        self.previous = self.file.with_name("previous.npz")
        self.seconds = seconds
        self.steps = steps
        self.epochs = epochs
        self.saved = time.monotonic()
        self.epoch, self.step = 0, 0  # whole epochs, and steps of the next one, that are saved
        self.now = 0, 0  # the same, that are trained
        self.lowered: list[str] = []  # the reason for each halving of the learning rate
        self.history: dict[str, list[float]] = {}
        self.logs: dict[str, float] = {}  # of the current epoch
        self.metrics: list[Any] = []

    def restore(self, model: keras.Model, data: tf.data.Dataset | None = None):
        """Restore the latest readable checkpoint, if there is one.

        Args:
            model: keras.Model, compiled, with built optimizers.
            data: The dataset that the model is fitted to; it may be needed to create metrics.
        """
        candidates = [file for file in (self.file, self.previous) if file.exists()]
        for number, file in enumerate(candidates):
            try:
                meta, values, metrics = _read(file)
            except UNREADABLE as error:
                then = "the previous one is used"
                if number == len(candidates) - 1:
                    then = "training starts from the beginning"
                print(f"{file} cannot be read ({error}); {then}", file=sys.stderr)
                continue
            if metrics:
                # creates metrics that Keras builds only with a first batch
                model.test_step(next(iter(cast(Iterable, data))))
            self._lower(model, meta["lowered"])
            state.put(state.variables_of(model), values)
            self.epoch, self.step = self.now = meta["epoch"], meta["step"]
            self.history, self.logs, self.metrics = meta["history"], meta["logs"], metrics
            return

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
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self.now, self.logs, self.metrics = (epoch + 1, 0), {}, []
        self._save_if_due()

    def on_train_end(self, logs=None):
        if self.writes and self.now != (self.epoch, self.step):
            self.save()

    def _save_if_due(self):
        if self.writes and time.monotonic() - self.saved >= self.seconds:
            self.save()

    def save(self):
        """Save the current state."""
        if not state.is_finite(self.model):
            return
        epoch, step = self.now
        numbers = {name: float(value) for name, value in self.logs.items()}
        meta = {"epoch": epoch, "step": step, "lowered": self.lowered}
        meta.update(history=self.history, logs=numbers)
        values = {f"v{i}": np.asarray(v) for i, v in enumerate(state.variables_of(self.model))}
        metrics = (self.metrics or self.model.metrics_variables) if step else []
        metrics = {f"m{i}": np.asarray(m) for i, m in enumerate(metrics)}
        arrays = {**values, **metrics}
        meta = json.dumps({**meta, "arrays": list(arrays)})
        partial = self.file.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                np.savez(file, meta=meta, **arrays)
                file.flush()
                os.fsync(file.fileno())
            if self.file.exists():
                os.replace(self.file, self.previous)
            os.replace(partial, self.file)
        except OSError as error:
            partial.unlink(missing_ok=True)
            expected = f"a writable folder with room ({self.kept()} are kept)"
            raise InvalidInput("place for checkpoints", expected, error) from error
        self.epoch, self.step, self.saved = epoch, step, time.monotonic()

    def kept(self) -> str:
        """Describe in words how much training is saved."""
        steps = f" and {self.step} of {self.steps} steps" if self.step else ""
        total = f" of {self.epochs}" if self.epochs else ""
        return f"{self.epoch}{total} epochs{steps}"


def _read(file):
    """Read a checkpoint; reading every array verifies its checksum."""
    with file.open("rb") as opened, np.load(opened) as saved:
        arrays = {name: saved[name] for name in saved.files}
    meta = json.loads(str(arrays.pop("meta")))
    if meta["arrays"] != list(arrays):  # nothing else protects a missing array
        raise ValueError("its list of contents is damaged")
    values, metrics = ([a for n, a in arrays.items() if n[0] == kind] for kind in "vm")
    return meta, values, metrics
