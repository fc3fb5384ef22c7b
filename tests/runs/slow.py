"""`python slow.py OUT...`: run `kerasdl train`; report each execution and wait for a line.

When a run is stopped, the next one starts; the exit status is that of the last. The line "compute"
starts an endless computation, during which Python handles no signals.
"""

import sys

import keras
import tensorflow as tf

from kerasdl import cli
from kerasdl.training import trainer

TRAIN = ["kerasdl", "train", "mlp", "--epochs", "3", "--batch-size", "32"]
TRAIN += ["--save-seconds", "1000", "--out"]


class Slow(keras.callbacks.Callback):
    """A callback in place of the progress bar."""

    def __init__(self, *arguments):
        super().__init__()

    def on_train_batch_end(self, batch, logs=None):
        print("execution", flush=True)
        if sys.stdin.readline() == "compute\n":
            compute_for_ever()

    def stop(self):
        """Do nothing; the progress bar has this method."""


@tf.function
def compute_for_ever():
    return tf.while_loop(lambda i: i >= 0, lambda i: (i + 1) % 7, [tf.constant(0)])


def main(*folders):
    trainer.Progress = Slow
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
