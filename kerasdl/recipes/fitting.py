"""`fit` from the middle of an epoch on."""

import contextlib

import keras


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


def fit(model, data, validation, *, epochs, steps, checkpoint, rest, callbacks):
    """Fit from where `checkpoint` is; `rest` gives what is left of an epoch from a step on."""
    callbacks = _Callbacks(callbacks, model=model, epochs=epochs, steps=steps)
    options = {"callbacks": callbacks, "shuffle": False, "verbose": 0}
    epoch, callbacks.first = checkpoint.epoch, checkpoint.step
    if callbacks.first:
        with contextlib.suppress(_EpochDone):
            if callbacks.first == steps:
                _end(model, validation, epoch, callbacks, checkpoint.logs)
            begin = {"initial_epoch": epoch, "epochs": epoch + 1}
            model.fit(rest(callbacks.first), validation_data=validation, **begin, **options)
        epoch, callbacks.first = epoch + 1, 0
        epochs = epoch if model.stop_training else epochs
    model.fit(data, validation_data=validation, initial_epoch=epoch, epochs=epochs, **options)


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
