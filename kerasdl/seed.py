"""Make a script repeatable."""

import keras
import tensorflow as tf


def set_seed(seed: int, deterministic: bool = False):
    """Seed Python, NumPy and Keras, so that a script computes the same results again.

    Args:
        seed: int.
        deterministic: bool. By default, the last bits may still differ, because parallel sums have
            no fixed order. If True, TensorFlow uses only deterministic operations until the
            process ends: on the same device, every bit is the same. Some operations become
            slower, and some raise an error because they have no deterministic form.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
