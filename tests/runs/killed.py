"""`python killed.py MANNER OUT...`: train into each folder, and kill the process if asked to.

MANNER is "first" (in the first epoch), "training" (in the second), "saving" or another word.
"""

import os
import pathlib
import signal
import sys
import time

import keras

from kerasdl import recipes
from kerasdl.runs.train import train


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def die_when_saved(folder):
    latest = pathlib.Path(folder, "checkpoints", "latest.npz")

    def wait_and_die(*_):
        while latest.with_suffix(".partial").exists() or not latest.exists():
            time.sleep(0.001)
        die()

    return wait_and_die


def at(number, act, before=lambda *_: None):
    """Return a function that acts at its n-th call."""
    calls = iter(range(1, number))
    return lambda *given, **named: (before if next(calls, None) else act)(*given)


def main(manner, *folders):
    callbacks = []
    if manner in ("first", "training"):  # of two executions an epoch; one or three are saved
        last = {"first": 2, "training": 4}[manner]
        act = at(last, die_when_saved(folders[0]))
        callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=act)]
    if manner == "saving":  # after writing, before the file replaces the last one
        os.fsync = at(2, die, os.fsync)
    options = {"progress": False, "pictures": False, "save_seconds": 0, "deterministic": True}
    for folder in folders:
        recipe = recipes.get("mlp").replace(epochs=3)
        train(recipe, folder, callbacks=callbacks, **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
