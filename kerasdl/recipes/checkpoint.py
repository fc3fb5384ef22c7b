"""Checkpoints of everything that training changes, so that a stopped run goes on where it was."""

import json
import os
import pathlib
import time

import keras
import numpy as np


def state_of(model: keras.Model) -> list:
    """Every variable that training changes: weights, seeds and the optimizers' memories."""
    optimizers = {id(v): v for v in vars(model).values() if isinstance(v, keras.Optimizer)}
    optimizers[id(model.optimizer)] = model.optimizer
    slots = [v for optimizer in optimizers.values() if optimizer for v in optimizer.variables]
    return [*model.variables, *slots]  # `save_weights` leaves out the seeds


class Checkpoint(keras.callbacks.Callback):
    """Save model, optimizers, seeds and history at the end of an epoch, and restore them.

    Args:
        folder: Where; one file is kept, and written beside and renamed.
        seconds: How much work may be lost: an epoch that ends sooner after a save is not saved.
    """

    def __init__(self, folder: pathlib.Path, seconds: float = 5.0):
        super().__init__()
        self.file = pathlib.Path(folder) / "latest.npz"
        self.seconds = seconds
        self.saved = time.monotonic()
        self.epoch = 0  # how many epochs are saved
        self.history = {}

    def restore(self, model: keras.Model):
        """Put back what the last saved epoch left, if there is one."""
        if not self.file.exists():
            return
        with np.load(self.file) as state:
            meta = json.loads(str(state["meta"]))
            for i, variable in enumerate(state_of(model)):
                variable.assign(state[f"v{i}"])
        self.epoch, self.history = meta["epoch"], meta["history"]

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if time.monotonic() - self.saved >= self.seconds:
            self.save(epoch + 1)

    def save(self, epoch: int):
        meta = json.dumps({"epoch": epoch, "history": self.history})
        values = {f"v{i}": np.asarray(v) for i, v in enumerate(state_of(self.model))}
        partial = self.file.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, meta=meta, **values)
        os.replace(partial, self.file)
        self.epoch, self.saved = epoch, time.monotonic()
