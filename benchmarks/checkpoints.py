"""Measure how much of the training time checkpoints take, by the size of the state.

A network is trained on one batch until several checkpoints were written as `kerasdl train` writes
them by default. In the time from the beginning of the first to that of the last, each step before,
in or after which nothing is copied or written is an ordinary one. What the other steps take more
than the median of the ordinary ones is the cost of checkpoints, in seconds and in processor time
of the whole process. `waited` is the part in which training stood still, for the copy. For
comparison, `synchronous` is a checkpoint for which training waits until it is on the disk, and its
fraction of the time if one is written after every five seconds of training.

    python benchmarks/checkpoints.py [NETWORK ...] [--checkpoints 4]

After each network, the result goes to results/checkpoints.json.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import optimizers
from kerasdl.callbacks import state
from kerasdl.training import checkpoint

RESULT = pathlib.Path(__file__).parent / "results" / "checkpoints.json"
FIRST = 5  # steps before the measurement, which trace the network and fill caches
STEPS = 10**9  # in the epoch, which is stopped before


def images(name, batch, size, channels):
    model = kerasdl.create_model(name, input_shape=(size, size, channels))
    x = np.random.default_rng(0).random((batch, size, size, channels), "float32")
    return model, x, np.arange(batch) % 10


def text(name, batch, length):
    model = kerasdl.create_model(name, context=length)
    tokens = np.random.default_rng(0).integers(0, 50_000, (batch, length + 1))
    return model, tokens[:, :-1], tokens[:, 1:]


NETWORKS = {
    "se_resnet_tiny": lambda: images("se_resnet_tiny", 64, 32, 3),
    "resnet50": lambda: images("resnet50", 8, 64, 3),
    "gpt2": lambda: text("gpt2", 1, 64),
}


@dataclasses.dataclass
class Step:
    """The seconds and the processor time of a step, and of the callback after it.

    Args:
        seconds: float, from the end of the last step to the end of this one, checkpoint included.
        processor: float, the same in processor time of the process.
        waited: float, seconds in the callback that saves.
        begun: bool, whether a checkpoint was begun after the step.
        disturbed: bool, whether one was begun, or was being written.
    """

    seconds: float
    processor: float
    waited: float
    begun: bool
    disturbed: bool


class Watch(keras.callbacks.Callback):
    """Call the callback that saves, and record each step."""

    def __init__(self, saving, count):
        super().__init__()
        self.saving, self.count = saving, count
        self.steps = []
        self.written = []  # seconds from the beginning of a checkpoint until it was seen written

    def set_model(self, model):
        super().set_model(model)
        self.saving.set_model(model)

    def on_train_batch_begin(self, batch, logs=None):
        if batch == FIRST:
            self.saving.begun = time.monotonic()  # as if training began here
        if batch <= FIRST:
            self.last = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        if batch < FIRST:
            return
        before, writing = self.saving.begun, self.saving.thread is not None
        begin = time.perf_counter()
        self.saving.on_train_batch_end(batch, logs)
        now = time.perf_counter(), time.process_time()
        begun = self.saving.begun != before
        if writing and self.saving.thread is None:
            self.written.append(time.monotonic() - before)
        spent = [a - b for a, b in zip(now, self.last, strict=True)]
        self.steps.append(Step(*spent, now[0] - begin, begun, begun or writing))
        self.last = now
        self.model.stop_training = sum(step.begun for step in self.steps) == self.count


def lost(steps, name):
    """Return the fraction of the time that disturbed steps take more than the others."""
    ordinary = np.median([getattr(step, name) for step in steps if not step.disturbed])
    more = sum(getattr(step, name) - ordinary for step in steps if step.disturbed)
    return more / sum(getattr(step, name) for step in steps)


def measure(make, count):
    keras.utils.set_random_seed(0)
    model, x, y = make()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.AdamW(1e-4), loss)
    model.optimizer.build(model.trainable_variables)
    data = tf.data.Dataset.from_tensors((x, y)).cache().repeat()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        saving = checkpoint.Checkpoint(folder, steps=STEPS)
        watch = Watch(saving, count)
        model.fit(data, steps_per_epoch=STEPS, shuffle=False, verbose=0, callbacks=[watch])
        saving.wait()
        begin = time.perf_counter(), time.process_time()
        saving.save()
        ends = time.perf_counter(), time.process_time()
    starts = [number for number, step in enumerate(watch.steps) if step.begun]
    # of the step after which a checkpoint is begun, only the copy belongs to it
    steps = watch.steps[starts[0] : starts[-1]]
    waited = [step.waited for step in steps if step.begun]
    gaps = [sum(step.seconds for step in watch.steps[a:b]) for a, b in itertools.pairwise(starts)]
    synchronous = ends[0] - begin[0]
    return {
        "megabytes": round(state.size_of(state.variables_of(model)) / 1e6, 1),
        "milliseconds a step": 1e3 * np.median([s.seconds for s in steps if not s.disturbed]),
        "steps": len(steps),
        "checkpoints": len(waited),
        "seconds between them": np.mean(gaps),
        "seconds waited": np.mean(waited),
        "seconds until written": np.mean(watch.written),
        "fraction of the seconds": lost(steps, "seconds"),
        "fraction of the seconds, waited": sum(waited) / sum(step.seconds for step in steps),
        "fraction of the processor time": lost(steps, "processor"),
        "synchronous": {
            "seconds": synchronous,
            "processor seconds": ends[1] - begin[1],
            "fraction of the seconds": synchronous / (checkpoint.SECONDS + synchronous),
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoints", type=int, default=4, help="number of checkpoints")
    parser.add_argument("--result", type=pathlib.Path, default=RESULT, help="file to write")
    parser.add_argument("networks", nargs="*", default=[*NETWORKS])
    options = parser.parse_args()
    what = "cost of checkpoints by default, and of one for which training waits, on two cores"
    record = {"what": what, "load of the machine before": os.getloadavg()[0], "networks": {}}
    for name in options.networks:
        found = record["networks"][name] = measure(NETWORKS[name], options.checkpoints)
        print(name, json.dumps(found, indent=2), flush=True)
        options.result.write_text(json.dumps(record, indent=2) + "\n")
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
