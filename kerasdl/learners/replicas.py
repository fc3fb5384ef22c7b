"""What a learner that writes its own loss must know about replicas."""

import tensorflow as tf
from keras import ops


def global_mean(losses):
    """One replica's share of the mean of the losses of the global batch.

    `tf.distribute` adds up the replicas' gradients: with a plain mean, N replicas would learn N
    times as fast. Keras's own losses divide in the same way.

        sum_r share_r = mean        share_r = mean_r / N
    """
    return ops.mean(losses) / tf.distribute.get_strategy().num_replicas_in_sync
