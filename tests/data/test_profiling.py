"""`throughput` measures the stages of a pipeline and shows the slow one."""

import time

import numpy as np
import pytest
import tensorflow as tf

import kerasdl.data


def test_stages_are_listed_in_order():
    splits = kerasdl.data.load("digits", augment="light", mixup=0.2)
    rates = kerasdl.data.throughput(splits.train, seconds=0.05)
    assert list(rates) == ["order", "gather", "augment", "mix", "prefetch"]
    assert min(rates.values()) > 0


@pytest.mark.rows("DAT-28")
def test_a_slow_stage_lowers_the_throughput():
    def slow(batch):
        def wait(batch):
            time.sleep(0.02)
            return batch

        return tf.ensure_shape(tf.numpy_function(wait, [batch], tf.float32), (None, 2))

    dataset = tf.data.Dataset.from_tensor_slices(np.zeros((64, 2), "float32"))
    dataset = dataset.batch(16, name="batch").map(slow, name="slow").map(tf.abs, name="after")
    rates = kerasdl.data.throughput(dataset, seconds=0.3)
    assert list(rates) == ["batch", "slow", "after"]
    assert rates["slow"] < 16 / 0.02
    assert rates["slow"] < rates["batch"] / 2
    assert rates["after"] < rates["batch"] / 2
