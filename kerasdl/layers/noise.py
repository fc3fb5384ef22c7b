"""Noise that does not depend on how many replicas share a batch.

A seed is the same on every replica, and so would be the noise. Instead each one draws the noise of
the global batch and takes its own part, so that two replicas see what one would have seen.
"""

import keras
import tensorflow as tf


def replica_normal(shape, seed, dtype=None):
    """Standard normal."""
    return _own_part(keras.random.normal, shape, seed, dtype)


def replica_uniform(shape, seed, dtype=None):
    """From [0, 1)."""
    return _own_part(keras.random.uniform, shape, seed, dtype)


def _own_part(draw, shape, seed, dtype):
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    context = tf.distribute.get_replica_context()  # None while a strategy's scope builds a model
    index = context.replica_id_in_sync_group if context else 0
    return draw((replicas, *shape), dtype=dtype, seed=seed)[index]
