"""One call that makes a script repeatable."""

import keras
import tensorflow as tf


def set_seed(seed: int, deterministic: bool = False):
    """Seed Python, NumPy and Keras, so that a script computes the same again.

    The last bits may still differ, because parallel sums are added in any order. `deterministic`
    forbids that: on the same device the same weights come out, bit by bit. It slows some operations
    down, refuses those that have no such form, and holds until the process ends.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
