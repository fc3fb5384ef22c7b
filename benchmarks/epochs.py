"""Compare `fit` on kerasdl's data with the sum of its training steps, and time an epoch's start.

Each network trains ten epochs on `digits` without augmentation and with two policies. The same
number of steps, of the same training function, then runs on one batch that is repeated, so that
only data, metrics and callbacks are left out. Both alternate, and a ratio is that of medians of the
processor time. The start of an epoch is the processor time from `iter(splits.train)` to its first
batch.

    python benchmarks/epochs.py [NETWORK ...]

The results go to results/epochs.json.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import tensorflow as tf

import kerasdl

RESULT = pathlib.Path(__file__).parent / "results" / "epochs.json"
EPOCHS, ROUNDS, BATCH = 10, 7, 64
POLICIES = {"none": False, "light": "light", "standard": "standard"}


def processor_time(function):
    begin = time.process_time()
    function()
    return time.process_time() - begin


def start_of(dataset):
    """Return the processor time to the first batch of an epoch, and read the epoch to its end."""
    begin = time.process_time()
    batches = iter(dataset)
    next(batches)
    used = time.process_time() - begin
    for _ in batches:
        pass
    return used


def measure(name, augment):
    splits = kerasdl.data.load("digits", batch_size=BATCH, augment=augment)
    model = kerasdl.create_model(name, input_shape=(8, 8, 1), num_classes=10)
    model.compile()
    model.fit(splits.train, epochs=2, shuffle=False, verbose=0)
    one = tf.data.Dataset.from_tensors(next(iter(splits.train)))
    batches, step = iter(one.repeat()), model.train_function
    step(batches)  # the first call for another iterator
    calls = EPOCHS * len(splits.train) // model.steps_per_execution

    def fit():
        model.fit(splits.train, epochs=EPOCHS, shuffle=False, verbose=0)

    def steps():
        for _ in range(calls):
            step(batches)

    times = [[processor_time(part) for part in (fit, steps)] for _ in range(ROUNDS)]
    fitted, stepped = np.median(times, axis=0)
    starts = [start_of(splits.train) for _ in range(ROUNDS)]
    return {
        "ratio": fitted / stepped,
        "milliseconds an epoch": 1000 * fitted / EPOCHS,
        "milliseconds of an epoch's steps": 1000 * stepped / EPOCHS,
        "milliseconds to an epoch's first batch": 1000 * float(np.median(starts)),
        "steps": len(splits.train),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["se_resnet_tiny", "simple_cnn_tiny"])
    record = {"what": "processor time of fit on digits, in relation to its steps", "networks": {}}
    for name in parser.parse_args().networks:
        found = {policy: measure(name, augment) for policy, augment in POLICIES.items()}
        record["networks"][name] = found
        for policy, row in found.items():
            print(f"{name}, augmentation {policy}: {row['ratio']:.2f}", flush=True)
    RESULT.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
