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

from kerasdl.errors import InvalidInput

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def state_of(model: keras.Model) -> list:
    """Every variable that an epoch hands on: weights, seeds and the optimizers' memories."""
    optimizers = {id(v): v for v in vars(model).values() if isinstance(v, keras.Optimizer)}
    optimizers[id(model.optimizer)] = model.optimizer
    slots = [v for optimizer in optimizers.values() if optimizer for v in optimizer.variables]
    # `save_weights` leaves out the seeds; metrics begin anew, and only all workers can read them
    metrics = {id(variable) for variable in model.metrics_variables}
    return [*(v for v in model.variables if id(v) not in metrics), *slots]


class Checkpoint(keras.callbacks.Callback):
    """Save model, optimizers, seeds and history at the end of an epoch, and restore them.

    The newest file and the one before are kept. A file is written beside and renamed, so a kill
    leaves whole ones; one that a broken disk has spoilt is recognised by its checksums.

    Args:
        folder: Where.
        seconds: How much work may be lost: an epoch that ends sooner after a save is not saved.
        writes: Whether this process is the one that saves.
    """

    def __init__(self, folder: pathlib.Path, seconds: float = 5.0, writes: bool = True):
        super().__init__()
        self.writes = writes
        self.file = pathlib.Path(folder) / "latest.npz"
        self.previous = self.file.with_name("previous.npz")
        self.seconds = seconds
        self.saved = time.monotonic()
        self.epoch = 0  # how many epochs are saved
        self.history = {}

    def restore(self, model: keras.Model):
        """Put back what the last saved epoch left, if there is one."""
        for file in (self.file, self.previous):
            if not file.exists():
                continue
            try:
                meta, values = _read(file)
            except UNREADABLE as error:
                print(f"{file} cannot be read ({error}); the one before is used", file=sys.stderr)
                continue
            for variable, value in zip(state_of(model), values, strict=True):
                variable.assign(value)
            self.epoch, self.history = meta["epoch"], meta["history"]
            return

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.writes and time.monotonic() - self.saved >= self.seconds:
            self.save(epoch + 1)

    def save(self, epoch: int):
        meta = json.dumps({"epoch": epoch, "history": self.history})
        values = {f"v{i}": np.asarray(v) for i, v in enumerate(state_of(self.model))}
        partial = self.file.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                np.savez(file, meta=meta, **values)
                file.flush()
                os.fsync(file.fileno())
            if self.file.exists():
                os.replace(self.file, self.previous)
            os.replace(partial, self.file)
        except OSError as error:
            partial.unlink(missing_ok=True)
            expected = f"a writable folder with room ({self.epoch} epochs are kept)"
            raise InvalidInput("place for checkpoints", expected, error) from error
        self.epoch, self.saved = epoch, time.monotonic()


def _read(file):
    """What was saved; reading all of it compares all checksums."""
    with file.open("rb") as opened, np.load(opened) as state:
        values = [state[f"v{i}"] for i in range(len(state.files) - 1)]
        return json.loads(str(state["meta"])), values
