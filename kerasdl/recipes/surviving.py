"""`fit` that a signal stops gently, and that says what spoilt it, or goes back and slows down."""

import contextlib
import signal
import sys

import keras

from kerasdl.callbacks import nonfinite
from kerasdl.recipes import fitting
from kerasdl.recipes.progress import ProgressBar
from kerasdl.recipes.stopping import Stopping
from kerasdl.utils.files import write_json

LOWERINGS = 5
STOPPED = "stopped.json"  # why a run ended that did not come to its end
HINT = "; --on-nan lower (`on_nan`) goes back and halves the rate"


class Interrupted(KeyboardInterrupt):
    """A signal: the folder holds a checkpoint, and the same command goes on from it."""

    def __init__(self, message, number):
        super().__init__(message)
        self.status = 128 + number  # as shells have it


def fit(run, model, pipelines, checkpoint, manner, replicas):
    """Fit to the end of `run`'s recipe, from where `checkpoint` is."""
    if manner.on_nan == "lower" and not checkpoint.file.exists():
        checkpoint.set_model(model)
        checkpoint.save()
    (run.path / STOPPED).unlink(missing_ok=True)
    while True:
        try:
            return _fit(run, model, pipelines, checkpoint, manner, replicas)
        except nonfinite.NonFiniteLoss as error:
            if manner.on_nan == "stop" or len(checkpoint.lowered) == LOWERINGS:
                write_json(run.path / STOPPED, {"reason": str(error)})
                raise
            checkpoint.restore(model, pipelines.train)
            checkpoint.lower(model, str(error))
            times = len(checkpoint.lowered)
            line = f"{error}. Back to {checkpoint.kept()}, with 1/{2**times} of the learning rate."
            print(line, file=sys.stderr)


def _fit(run, model, pipelines, checkpoint, manner, replicas):
    name, epochs = run.recipe.name, run.recipe.epochs
    stopping = Stopping(checkpoint)
    hint = HINT if manner.on_nan == "stop" else f" (halved {len(checkpoint.lowered)} times so far)"
    watch = nonfinite.NonFinite(None if replicas.several else pipelines.batches, hint)
    callbacks = [pipelines.order, *manner.callbacks, watch, checkpoint]
    callbacks += [] if replicas.several else [stopping]
    bars = []
    if replicas.chief:
        callbacks.append(keras.callbacks.TensorBoard(run.path / "events", write_graph=False))
        bars = [ProgressBar(name, epochs)] if manner.progress else []
    try:
        listening = contextlib.nullcontext() if replicas.several else stopping.listening()
        with replicas.synchronized(model), listening:
            fitting.fit(model, pipelines, epochs, checkpoint, [*callbacks, *bars])
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. {checkpoint.kept()} are kept in {run.path}; "
            "the same command goes on from there.",
            stopping.signals[0] if stopping.signals else signal.SIGINT,
        ) from None
    finally:
        for bar in bars:
            bar.stop()
