"""Random numbers that do not depend on how many replicas divide a batch.

With the same seed, all replicas would draw the same numbers. Instead each replica draws the numbers
of the global batch and takes its own part, so that results do not depend on the number of replicas.
"""

import keras
import tensorflow as tf


def replica_normal(shape, seed, dtype=None):
    """Draw standard normal numbers."""
    return _own_part(keras.random.normal, shape, seed, dtype)


def replica_uniform(shape, seed, dtype=None):
    """Draw uniform numbers in [0, 1)."""
    return _own_part(keras.random.uniform, shape, seed, dtype)


def _own_part(draw, shape, seed, dtype):
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    context = tf.distribute.get_replica_context()  # None while a strategy's scope builds a model
    index = context.replica_id_in_sync_group if context else 0
    return draw((replicas, *shape), dtype=dtype, seed=seed)[index]
