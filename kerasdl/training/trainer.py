"""Run `fit` so that it survives interrupts, resumes inside an epoch and stops on a NaN loss."""

import contextlib
import dataclasses
import pathlib
import signal
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasdl import data, errors
from kerasdl.callbacks import nonfinite
from kerasdl.training.checkpoint import Checkpoint
from kerasdl.training.events import Events
from kerasdl.training.interrupts import Interrupts
from kerasdl.training.progress import Progress
from kerasdl.training.replicas import Replicas
from kerasdl.utils import plain_text
from kerasdl.utils.fast_training import fast_training
from kerasdl.utils.files import write_json

LOWERINGS = 5  # largest number of halvings of the learning rate
STOPPED = "stopped.json"  # the reason why a training ended early
CHECKPOINTS, EVENTS = "checkpoints", "events"  # folders
HINT = "; --on-nan lower (`on_nan`) returns to the last checkpoint and halves the learning rate"


class Interrupted(KeyboardInterrupt):
    """Training stopped on a signal; a checkpoint is saved, and the same command continues."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.status = 128 + number  # the exit status by convention


@dataclasses.dataclass(frozen=True)
class Pipelines:
    """The datasets of a training.

    Args:
        train: Dataset for one epoch.
        validation: Dataset, or `None`.
        steps: int, steps in an epoch.
        rest: function from a step to a dataset of the epoch's batches from there on.
        splits: `kerasdl.data.Splits` that the datasets were made of.
    """

    train: Any
    validation: Any
    steps: int
    rest: Callable[[int], Any]
    splits: data.Splits

    def batches(self, epoch: int, step: int) -> Any:
        """Return the batches of an epoch from a step to its end."""
        self.splits.epoch.assign(epoch - 1)
        return self.rest(step) if step else self.train


class Trainer:
    """Fit a compiled model to its last epoch, starting from the checkpoint in a folder.

    Args:
        model: keras.Model, compiled, with built optimizers.
        pipelines: `Pipelines`, the data.
        epochs: int, number of epochs of the whole training.
        folder: Where `checkpoints/` and TensorBoard's `events/` are.
        replicas: `Replicas`, the devices and workers that take part.
        title: str, a name for the progress bar.
        save_seconds: float, the least time between checkpoints; `None`: see `Checkpoint`.
        on_nan: str. At a NaN or infinite loss, "stop" raises; "lower" returns to the last
            checkpoint and halves the learning rate, at most `LOWERINGS` times.
        callbacks: Further Keras callbacks.
        progress: bool, whether to show a progress bar.
    """

    def __init__(
        self,
        model: keras.Model,
        pipelines: Pipelines,
        epochs: int,
        folder: pathlib.Path,
        replicas: Replicas,
        *,
        title: str = "",
        save_seconds: float | None = None,
        on_nan: str = "stop",
        callbacks: Sequence[keras.callbacks.Callback] = (),
        progress: bool = True,
    ):
        if replicas.several and on_nan == "lower":
            expected = "stop, with several replicas"
            raise errors.InvalidInput("value for `on_nan`", expected, on_nan)
        self.model = model
        self.pipelines = pipelines
        self.epochs = epochs
        self.folder = folder
        self.replicas = replicas
        self.title = title
        self.on_nan = on_nan
        self.callbacks = callbacks
        self.progress = progress
        steps = None if replicas.several else pipelines.steps
        checkpoints = folder / CHECKPOINTS
        if replicas.chief:
            checkpoints.mkdir(exist_ok=True)
        self.checkpoint = Checkpoint(
            checkpoints, save_seconds, replicas.chief, steps, epochs, callbacks
        )
        self.checkpoint.restore(model, pipelines.train)
        replicas.agree(self.checkpoint.epoch, f"epochs that each worker finds saved in {folder}")

    @property
    def history(self) -> dict[str, list[float]]:
        """Each metric's value at the end of each epoch."""
        return self.checkpoint.history

    @property
    def seconds(self) -> float:
        """Seconds of training, including those before interruptions."""
        return self.checkpoint.spent

    @property
    def lowered(self) -> list[str]:
        """The reason for each halving of the learning rate."""
        return self.checkpoint.lowered

    def fit(self) -> None:
        """Train to the last epoch.

        Raises:
            Interrupted: on a signal.
            NonFiniteLoss: if the loss became NaN or infinite.
        """
        if self.on_nan == "lower" and not self.checkpoint.file.exists():
            self.checkpoint.set_model(self.model)
            self.checkpoint.save()
        (self.folder / STOPPED).unlink(missing_ok=True)
        while True:
            try:
                return self._fit()
            except nonfinite.NonFiniteLoss as error:
                if self.on_nan == "stop" or len(self.lowered) == LOWERINGS:
                    write_json(self.folder / STOPPED, {"reason": str(error)})
                    raise
                self._lower(error)

    def _lower(self, error):
        self.checkpoint.restore(self.model, self.pipelines.train)
        self.checkpoint.lower(self.model, str(error))
        fraction = f"1/{2 ** len(self.lowered)} of the learning rate"
        plain_text.tell(f"{error}. Back to {self.checkpoint.kept()}, with {fraction}.")

    def _fit(self):
        """Fit once, with the callbacks of a run."""
        several = self.replicas.several
        hint = HINT
        if self.on_nan == "lower":
            hint = f" (the learning rate was halved {len(self.lowered)} times so far)"
        batches = None if several else self.pipelines.batches
        watch = nonfinite.NonFinite(batches, hint, self.checkpoint.snapshot)
        order = self.pipelines.splits.order_callback()
        callbacks = [order, *self.callbacks, watch, self.checkpoint]
        interrupts = Interrupts(self.checkpoint)
        callbacks += [] if several else [interrupts]
        bar = None
        if self.replicas.chief:
            callbacks.append(Events(self.folder / EVENTS))
            bar = Progress(self.title, self.epochs) if self.progress else None
            callbacks += [bar] if bar else []
        try:
            listening = contextlib.nullcontext() if several else interrupts.listening()
            with self.replicas.synchronized(self.model), listening, fast_training():
                try:
                    self._fit_from_checkpoint(callbacks)
                finally:
                    self.checkpoint.wait()
        except KeyboardInterrupt:
            raise Interrupted(
                f"Stopped. {self.checkpoint.kept()} are kept in {self.folder}; "
                "the same command continues from there.",
                interrupts.signals[0] if interrupts.signals else signal.SIGINT,
            ) from None
        finally:
            if bar:
                bar.stop()

    def _fit_from_checkpoint(self, callbacks):
        """Call `fit`; if the checkpoint is inside an epoch, first for the rest of that epoch."""
        model, pipelines, epochs = self.model, self.pipelines, self.epochs
        callbacks = _Callbacks(callbacks, model=model, epochs=epochs, steps=pipelines.steps)
        options = {"callbacks": callbacks, "shuffle": False, "verbose": 0}
        options["validation_data"] = pipelines.validation
        epoch, callbacks.first = self.checkpoint.epoch, self.checkpoint.step
        if self.checkpoint.ended:
            epochs = epoch  # `fit` then only ends the training
        if callbacks.first:
            with contextlib.suppress(_EpochDone):
                if callbacks.first == pipelines.steps:
                    self._end_epoch(epoch, callbacks)
                rest = pipelines.rest(callbacks.first)
                model.fit(rest, initial_epoch=epoch, epochs=epoch + 1, **options)
            epoch, callbacks.first = epoch + 1, 0
            epochs = epoch if model.stop_training else epochs
        model.fit(pipelines.train, initial_epoch=epoch, epochs=epochs, **options)

    def _end_epoch(self, epoch, callbacks):
        """Do what `fit` does after the last step of an epoch."""
        model, validation, logs = self.model, self.pipelines.validation, self.checkpoint.logs
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(epoch)
        results = model.get_metrics_result()
        logs = dict(results if results.keys() == logs.keys() else logs)
        if validation:
            numbers = model.evaluate(validation, callbacks=callbacks, verbose=0, return_dict=True)
            logs.update({f"val_{name}": value for name, value in numbers.items()})
        model.stop_training = False
        callbacks.on_epoch_end(epoch, logs)


class _EpochDone(Exception):
    """Raised at the end of the rest of an epoch that another process began."""


class _Callbacks(keras.callbacks.CallbackList):
    """Present two consecutive `fit` calls to the callbacks as one, with steps of whole epochs."""

    def __init__(self, callbacks, **options):
        super().__init__(callbacks, add_history=True, verbose=0, **options)
        self.first = 0  # the step at which the epoch begins here
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
