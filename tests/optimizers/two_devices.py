"""Train on two virtual CPUs with kerasdl's optimizers and with Keras's; compare the weights."""

import keras
import numpy as np
import tensorflow as tf

from kerasdl import optimizers

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(64, 6)).astype("float32"), np.arange(64) % 3


def train(optimizer_class, strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = keras.Sequential(
            [keras.Input((6,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(3)]
        )
        decay = keras.optimizers.schedules.CosineDecay
        schedule = decay(0.0, 8, warmup_target=1e-3, warmup_steps=3)
        optimizer = optimizer_class(schedule, weight_decay=0.1, clipnorm=1.0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss)
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    model.fit(batches, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name, tolerance in (("AdamW", 4e-7), ("Muon", 2e-6)):
        ours, theirs = (
            train(getattr(package, name), strategy) for package in (optimizers, keras.optimizers)
        )
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=tolerance)
    print("equal")


if __name__ == "__main__":
    main()
