"""Digits and a small network trained on them."""

import keras
import pytest

import kerasdl


@pytest.fixture(scope="session")
def digits():
    return next(kerasdl.data.load("digits", batch_size=400).train.as_numpy_iterator())


@pytest.fixture(scope="session")
def model(digits):
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *parts, keras.layers.Dense(10)])
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), entropy)
    model.fit(*digits, epochs=15, verbose=0)
    return model
