"""A trained network for comparing predictions."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.export.networks import images


@pytest.fixture(scope="session")
def trained():
    """A network that finds the brightest quarter of an image, with inputs and labels."""
    keras.utils.set_random_seed(0)
    x, y = images(600), np.arange(600) % 4
    for quarter in range(4):
        rows, columns = 4 * (quarter // 2), 4 * (quarter % 2)
        x[y == quarter, rows : rows + 4, columns : columns + 4] += 0.5
    inputs = keras.Input((8, 8, 1))
    h = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.Conv2D(32, 3, 2, padding="same", activation="relu")(h)
    model = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(h)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
    model.fit(x, y, batch_size=50, epochs=4, verbose=0)
    assert np.mean(model(x).numpy().argmax(-1) == y) > 0.95
    return model, x, y
