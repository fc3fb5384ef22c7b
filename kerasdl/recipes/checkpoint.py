"""Checkpoints of everything that training changes, so that a stopped run goes on where it was."""

import json
import os
import pathlib
import sys
import time
import zipfile
import zlib

import keras
import numpy as np

from kerasdl.callbacks import rates, state
from kerasdl.errors import InvalidInput

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class Checkpoint(keras.callbacks.Callback):
    """Save model, optimizers, seeds, metrics and history between steps, and restore them.

    The newest file and the one before are kept. A file is written beside and renamed, so a kill
    leaves whole ones; one that a broken disk has spoilt is recognised by its checksums. Weights
    that are not finite are not saved: the state before them stays.

    Args:
        folder: Where.
        seconds: How much work may be lost, besides the execution that runs.
        writes: Whether this process is the one that saves.
        steps: Of an epoch; `None` saves only at its end, where metrics need not be saved: several
            replicas each have a part of them.
        epochs: How many there will be, to say so.

    Spec: OPT-17, TRN-10, TRN-14
    """

    def __init__(self, folder, seconds=5.0, writes=True, steps=None, epochs=None):
        super().__init__()
        self.writes = writes
        self.file = pathlib.Path(folder) / "latest.npz"
        self.previous = self.file.with_name("previous.npz")
        self.seconds = seconds
        self.steps = steps
        self.epochs = epochs
        self.saved = time.monotonic()
        self.epoch, self.step = 0, 0  # what is saved: epochs, and steps of the next
        self.lowered = []  # why the learning rate was halved, each time
        self.history = {}
        self.logs = {}  # of the epoch that runs
        self.metrics = []
        self.now = 0, 0

    def restore(self, model: keras.Model, data=None):
        """Put back what was saved last, if anything was; `data` is what `model` is fitted to."""
        for file in (self.file, self.previous):
            if not file.exists():
                continue
            try:
                meta, values, metrics = _read(file)
            except UNREADABLE as error:
                print(f"{file} cannot be read ({error}); the one before is used", file=sys.stderr)
                continue
            if metrics:
                model.test_step(next(iter(data)))  # makes the metrics that wait for a first batch
            self._lower(model, meta["lowered"])
            state.put(state.variables_of(model), values)
            self.epoch, self.step = self.now = meta["epoch"], meta["step"]
            self.history, self.logs, self.metrics = meta["history"], meta["logs"], metrics
            return

    def lower(self, model: keras.Model, reason: str):
        """Halve the learning rate of a restored model, from now on."""
        self._lower(model, [*self.lowered, reason])
        self.set_model(model)
        self.save()

    def _lower(self, model, reasons):
        factor = 0.5 ** (len(reasons) - len(self.lowered))
        if factor != 1:
            for optimizer in state.optimizers_of(model):
                rates.lower(optimizer, factor)
            model.train_function = None  # it knows the old rate
        self.lowered = list(reasons)

    def on_epoch_begin(self, epoch, logs=None):
        if self.now[0] != epoch:
            self.now = epoch, 0
        if self.metrics:  # in its middle: they go on
            state.put(self.model.metrics_variables, self.metrics)
            self.metrics = []

    def on_train_batch_end(self, batch, logs=None):
        if self.steps is None:
            return
        # `batch` is the last that an execution may run; the epoch's last execution runs fewer
        self.now, self.logs = (self.now[0], min(batch + 1, self.steps)), logs
        if self.now[1] == self.steps:
            self.metrics = state.copy(self.model.metrics_variables)  # before validation's
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
        """Save where training is now."""
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
        """How much work is saved."""
        steps = f" and {self.step} of {self.steps} steps" if self.step else ""
        total = f" of {self.epochs}" if self.epochs else ""
        return f"{self.epoch}{total} epochs{steps}"


def _read(file):
    """What was saved; reading all of it compares all checksums."""
    with file.open("rb") as opened, np.load(opened) as saved:
        arrays = {name: saved[name] for name in saved.files}
    meta = json.loads(str(arrays.pop("meta")))
    if meta["arrays"] != list(arrays):  # the one part of the file that has no checksum
        raise ValueError("its list of contents is spoilt")
    values, metrics = ([a for n, a in arrays.items() if n[0] == kind] for kind in "vm")
    return meta, values, metrics
