"""Train on two virtual CPUs with and without callbacks and compare the weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import callbacks, schedules
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(64, 6)).astype("float32"), np.arange(64) % 3


def fit(strategy, *watching):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        hidden = keras.layers.Dense(5, "relu"), keras.layers.Dense(3)
        model = keras.Sequential([keras.Input((6,)), *hidden])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1, momentum=0.5), loss, metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    model.fit(batches, epochs=2, shuffle=False, callbacks=list(watching), verbose=0)
    return model, batches


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    alone, batches = fit(strategy)
    watching = [
        callbacks.Histograms(X, every=1),
        callbacks.DataTime(batches, seconds=0.05),
        callbacks.RateLog(every=1),
        callbacks.NonFinite(lambda epoch, step: batches),
        callbacks.ConfusionByEpoch(batches, 3, every=1),
        schedules.CycleMomentum(schedules.OneCycle(0.1, 8), lowest=0.5, highest=0.5),
    ]
    watched, _ = fit(strategy, *watching)
    for one, other in zip(alone.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    histograms, times, rates, _, confusion, _ = watching
    assert len(histograms.found) == 4 and len(times.step_seconds) == 2
    assert rates.iterations == list(range(1, 9))
    np.testing.assert_allclose(rates.rates, 0.1, rtol=1e-6)
    accuracy = watched.evaluate(batches, verbose=0)[1]
    np.testing.assert_allclose(np.trace(confusion.matrices[-1]) / 64, accuracy, rtol=1e-6)
    with pytest.raises(InvalidInput, match="several replicas"):
        fit(strategy, callbacks.GradientHealth())
    print("passed")


if __name__ == "__main__":
    main()
