"""Make a script repeatable."""

import keras
import tensorflow as tf

from kerasdl.utils import checks


def set_seed(seed: int, deterministic: bool = False):
    """Seed Python, NumPy and Keras, so that a script computes the same results again.

    Args:
        seed: int.
        deterministic: bool. By default, the last bits may still differ, because parallel sums have
            no fixed order. If True, TensorFlow uses only deterministic operations until the
            process ends: on the same device, every bit is the same. Some operations become
            slower, and some raise an error because they have no deterministic form.

    Example:
        >>> set_seed(0)
        >>> first = keras.random.normal((3,))
        >>> set_seed(0)
        >>> bool(keras.ops.all(keras.random.normal((3,)) == first))
        True
    """
    checks.integers(at_least=0, below=2**32, seed=seed)
    checks.flags(deterministic=deterministic)
    keras.utils.set_random_seed(int(seed))
    if deterministic:
        tf.config.experimental.enable_op_determinism()
