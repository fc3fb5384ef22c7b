"""Train a learner on one replica, then on two virtual CPUs, and compare the results."""

import sys

import keras
import numpy as np
import tensorflow as tf

import kerasdl


def optimizers(name):
    # a large epsilon, because Adam divides by small gradients and so amplifies rounding errors
    adam = [keras.optimizers.Adam(1e-3, epsilon=1e-4) for _ in range(2)]
    if name == "dcgan_tiny":
        return dict(zip(("generator_optimizer", "discriminator_optimizer"), adam, strict=True))
    return {"optimizer": adam[0]}


def train(name, strategy):
    images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    batches = tf.data.Dataset.from_tensor_slices(images).batch(16, drop_remainder=True)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = kerasdl.create_model(name)
        model.compile(**optimizers(name))
    history = model.fit(batches, epochs=2, verbose=0, shuffle=False).history
    return history, model.evaluate(batches, return_dict=True, verbose=0), model.get_weights()


def main(name):
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    strategies = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    results = [keras.tree.flatten(train(name, strategy)) for strategy in strategies]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    print("equal")


if __name__ == "__main__":
    main(*sys.argv[1:])
