"""What each of kerasdl's callbacks costs an epoch of `fit`, with their default arguments.

Epochs of two networks, a convolutional one and one of dense layers whose steps are short, each
with no callback and with each one, in turns. Of every `fit` the first epoch, which traces and
measures, is left out; the ends of epochs count. The ratio is of medians of the rounds.

    python benchmarks/callbacks.py
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import time

import keras

import kerasdl
from kerasdl import callbacks, data

RESULT = pathlib.Path(__file__).parent / "results" / "callbacks.json"
ROUNDS, STEPS = 7, 300
NETWORKS = {"se_resnet_tiny": {}, "mlp": {"input_shape": (8, 8, 1)}}


def made(splits, folder):
    """A new one of each, by name."""
    some = next(iter(splits.test))[0]
    return {
        "none": lambda: None,
        "GradientHealth": callbacks.GradientHealth,
        "Histograms": lambda: callbacks.Histograms(some),
        "DataTime": lambda: callbacks.DataTime(splits.train),
        "RateLog": callbacks.RateLog,
        "NonFinite": lambda: callbacks.NonFinite(lambda epoch, step: splits.rest(step)),
        "ConfusionByEpoch": lambda: callbacks.ConfusionByEpoch(splits.validation, 10),
        "SampleGrids": lambda: callbacks.SampleGrids(lambda model: some[:16], folder),
    }


class Stopwatch(keras.callbacks.Callback):
    """Seconds of the last epoch, its end included."""

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.perf_counter()

    def on_train_end(self, logs=None):
        self.seconds = time.perf_counter() - self.begin


def seconds(model, train, callback):
    watch = Stopwatch()
    watched = [watch, callback] if callback else [watch]  # its end comes after the stopwatch's
    model.fit(train, epochs=2, steps_per_epoch=STEPS, callbacks=watched, shuffle=False, verbose=0)
    return watch.seconds


def measure(name, options):
    splits = data.load("digits")
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model(name, num_classes=10, **options)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    train = splits.train.repeat()
    with tempfile.TemporaryDirectory() as folder:
        every = made(splits, folder)
        rounds = {callback: [] for callback in every}
        for number in range(ROUNDS + 1):  # the first round warms up
            for callback, make in every.items():
                taken = seconds(model, train, make())
                if number:
                    rounds[callback].append(taken)
    medians = {callback: statistics.median(taken) for callback, taken in rounds.items()}
    return {
        "cost": {c: medians[c] / medians["none"] - 1 for c in medians if c != "none"},
        "milliseconds a step": {c: 1e3 * m / STEPS for c, m in medians.items()},
        "rounds": rounds,
    }


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    record = {
        "what": f"share that a callback adds to an epoch of {STEPS} steps of 64 digits, two cores",
        "networks": {name: measure(name, options) for name, options in NETWORKS.items()},
    }
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    for name, found in record["networks"].items():
        print(f"{name}: {found['milliseconds a step']['none']:.2f} ms a step")
        for callback, cost in found["cost"].items():
            print(f"    {callback:18} {cost:+7.1%}")


if __name__ == "__main__":
    main()
