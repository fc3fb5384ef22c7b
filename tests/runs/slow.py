"""`python slow.py OUT...`: `kerasdl train` tells of each execution and waits for a line.

When a run is stopped the next begins, and the process ends as the last did. At the line "compute"
it computes for ever, where Python hears nothing.
"""

import sys

import keras
import tensorflow as tf

from kerasdl import cli
from kerasdl.training import trainer

TRAIN = ["kerasdl", "train", "mlp", "--epochs", "3", "--batch-size", "32"]
TRAIN += ["--save-seconds", "1000", "--out"]


class Slow(keras.callbacks.Callback):
    """In place of the progress bar."""

    def __init__(self, *arguments):
        super().__init__()

    def on_train_batch_end(self, batch, logs=None):
        print("execution", flush=True)
        if sys.stdin.readline() == "compute\n":
            compute_for_ever()

    def stop(self):
        """As the progress bar has it."""


@tf.function
def compute_for_ever():
    return tf.while_loop(lambda i: i >= 0, lambda i: (i + 1) % 7, [tf.constant(0)])


def main(*folders):
    trainer.ProgressBar = Slow
    for folder in folders:
        sys.argv = [*TRAIN, folder]
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code
            print("status", status, flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
