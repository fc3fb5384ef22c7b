"""One call that makes a script repeatable."""

import keras
import tensorflow as tf


def set_seed(seed: int, deterministic: bool = False):
    """Seed Python, NumPy and Keras; `deterministic` also forbids operations whose order varies."""
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
