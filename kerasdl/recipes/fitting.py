"""`fit` from the middle of an epoch on."""

import contextlib
import dataclasses
from typing import Any

import keras

from kerasdl import data


class _EpochDone(Exception):
    """The epoch that was begun by another process is over."""


class _Callbacks(keras.callbacks.CallbackList):
    """Makes two calls of `fit` one to the callbacks, and its steps those of whole epochs."""

    def __init__(self, callbacks, **options):
        super().__init__(callbacks, add_history=True, verbose=0, **options)
        self.first = 0  # step with which the epoch begins here
        self.begun = False

    def on_train_begin(self, logs=None):
        if not self.begun:
            super().on_train_begin(logs)
        self.begun = True

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch + self.first, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch + self.first, logs)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if self.first:
            raise _EpochDone  # before `fit` does what belongs to the end of training


@dataclasses.dataclass(frozen=True)
class Pipelines:
    """What `fit` reads.

    Args:
        train: As the model takes it.
        validation: The same, or `None`.
        steps: Of an epoch.
        rest: From a step to what `train` gives from there on.
        splits: What all of it was made of.
    """

    train: Any
    validation: Any
    steps: int
    rest: Any
    splits: data.Splits

    @property
    def order(self):
        return self.splits.order_callback()

    def batches(self, epoch, step):
        """What `fit` gets from a step of an epoch to the epoch's end."""
        self.splits.epoch.assign(epoch - 1)
        return self.rest(step) if step else self.train


def fit(model, pipelines, epochs, checkpoint, callbacks):
    """Fit from where `checkpoint` is."""
    callbacks = _Callbacks(callbacks, model=model, epochs=epochs, steps=pipelines.steps)
    options = {"callbacks": callbacks, "shuffle": False, "verbose": 0}
    options["validation_data"] = validation = pipelines.validation
    epoch, callbacks.first = checkpoint.epoch, checkpoint.step
    if callbacks.first:
        with contextlib.suppress(_EpochDone):
            if callbacks.first == pipelines.steps:
                _end(model, validation, epoch, callbacks, checkpoint.logs)
            rest = pipelines.rest(callbacks.first)
            model.fit(rest, initial_epoch=epoch, epochs=epoch + 1, **options)
        epoch, callbacks.first = epoch + 1, 0
        epochs = epoch if model.stop_training else epochs
    model.fit(pipelines.train, initial_epoch=epoch, epochs=epochs, **options)


def _end(model, validation, epoch, callbacks, logs):
    """What `fit` does after an epoch's last step."""
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(epoch)
    results = model.get_metrics_result()
    logs = dict(results if results.keys() == logs.keys() else logs)
    if validation:
        numbers = model.evaluate(validation, callbacks=callbacks, verbose=0, return_dict=True)
        logs.update({f"val_{name}": value for name, value in numbers.items()})
    model.stop_training = False
    callbacks.on_epoch_end(epoch, logs)
