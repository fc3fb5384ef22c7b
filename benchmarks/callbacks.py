"""Measure how much each callback of kerasdl slows `fit`, with default arguments.

There are two networks: a convolutional one, and one of dense layers whose steps are short. Two
calls of `fit` on the same network, one with a callback and one without, take turns of a few steps,
so that other load on the machine slows both alike. The first epoch, in which steps are traced and
data is timed, is left out; work at the end of epochs counts. `nothing`, an empty callback, shows
the error of the measurement.

    python benchmarks/callbacks.py
"""

import argparse
import json
import pathlib
import tempfile
import threading
import time

import keras
import numpy as np

import kerasdl
from kerasdl import callbacks, data

RESULT = pathlib.Path(__file__).parent / "results" / "callbacks.json"
ROUNDS, EPOCHS, TURNS = 4, 4, 50  # turns in an epoch
NETWORKS = {  # options, and the number of steps that take about a second
    "se_resnet_tiny": ({}, 100),
    "mlp": ({"input_shape": (8, 8, 1)}, 500),
}


def factories(splits, folder):
    """Functions that make each callback, by name."""
    some = next(iter(splits.test))[0]
    return {
        "nothing": keras.callbacks.Callback,
        "GradientHealth": callbacks.GradientHealth,
        "Histograms": lambda: callbacks.Histograms(some),
        "DataTime": lambda: callbacks.DataTime(splits.train),
        "RateLog": callbacks.RateLog,
        "NonFinite": lambda: callbacks.NonFinite(lambda epoch, step: splits.rest(step)),
        "ConfusionByEpoch": lambda: callbacks.ConfusionByEpoch(splits.validation, 10),
        "SampleGrids": lambda: callbacks.SampleGrids(lambda model: some[:16], folder),
    }


class Turns(keras.callbacks.Callback):
    """Take turns with another `fit`, and measure the `seconds` of this one after its first epoch.

    Args:
        mine: semaphore to acquire for a turn.
        others: semaphore to release after a turn.
        steps: int, steps in a turn.
    """

    def __init__(self, mine, others, steps):
        super().__init__()
        self.mine, self.others, self.steps = mine, others, steps

    def on_train_begin(self, logs=None):
        self._start()

    def on_epoch_begin(self, epoch, logs=None):
        if epoch <= 1:
            self.seconds, self.begin = 0.0, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self.steps == 0:
            self._stop()
            self._start()

    def on_train_end(self, logs=None):
        self._stop()

    def _start(self):
        self.mine.acquire()
        self.begin = time.perf_counter()

    def _stop(self):
        self.seconds += time.perf_counter() - self.begin
        self.others.release()


def pair(models, train, steps, callback):
    """Return the seconds of a `fit` with a callback and of one without."""
    turns = threading.Semaphore(1), threading.Semaphore(0)
    watches = [Turns(*order, steps // TURNS) for order in (turns, turns[::-1])]
    options = {"epochs": EPOCHS, "steps_per_epoch": steps, "shuffle": False, "verbose": 0}
    threads = [
        threading.Thread(target=model.fit, args=[train], kwargs={"callbacks": watched, **options})
        for model, watched in zip(models, ([watches[0], callback], [watches[1]]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [watch.seconds for watch in watches]


def fresh(name, options):
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model(name, num_classes=10, **options)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def measure(name, options, steps):
    splits = data.load("digits")
    models = [fresh(name, options) for _ in range(2)]
    train = splits.train.repeat()
    rounds = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            for callback, make in factories(splits, folder).items():
                rounds.setdefault(callback, []).append(pair(models, train, steps, make()))
                models.reverse()  # each model is watched in every other round
            print(f"{name}: round {number + 1} of {ROUNDS}", flush=True)
    seconds = {callback: np.sum(taken, axis=0) for callback, taken in rounds.items()}
    alone = np.median([plain for _, plain in seconds.values()])
    return {
        "milliseconds a step": 1e3 * alone / ROUNDS / steps / (EPOCHS - 1),
        "cost": {callback: watched / plain - 1 for callback, (watched, plain) in seconds.items()},
    }


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    record = {
        "what": f"fraction added to {EPOCHS - 1} epochs of about a second, on two cores",
        "networks": {name: measure(name, *given) for name, given in NETWORKS.items()},
    }
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    for name, found in record["networks"].items():
        print(f"{name}, {found['milliseconds a step']:.2f} ms a step; cost")
        for callback, cost in found["cost"].items():
            print(f"    {callback:18} {cost:+7.1%}")


if __name__ == "__main__":
    main()
