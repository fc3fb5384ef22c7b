"""`python slow.py wait ARGUMENTS...`: kerasdl tells of each execution and waits for a line.

With "compute" it computes for ever instead, where Python hears nothing.
"""

import sys

import keras
import tensorflow as tf

from kerasdl import cli
from kerasdl.recipes import surviving


class Slow(keras.callbacks.Callback):
    """In place of the progress bar."""

    def __init__(self, *arguments):
        super().__init__()

    def on_train_batch_end(self, batch, logs=None):
        print("execution", flush=True)
        if MANNER == "compute":
            compute_for_ever()
        sys.stdin.readline()

    def stop(self):
        """As the progress bar has it."""


@tf.function
def compute_for_ever():
    return tf.while_loop(lambda i: i >= 0, lambda i: (i + 1) % 7, [tf.constant(0)])


if __name__ == "__main__":
    MANNER = sys.argv.pop(1)
    surviving.ProgressBar = Slow
    cli.main()
