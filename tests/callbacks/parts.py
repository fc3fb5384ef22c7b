"""A small network, data for it, and a function that reads TensorBoard events."""

import keras
import numpy as np
from tensorboard.backend.event_processing import event_accumulator

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 6)).astype("float32")
Y = RANDOM.integers(0, 3, 96)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(*hidden, rate=0.05, **options):
    keras.utils.set_random_seed(0)
    hidden = hidden or [keras.layers.Dense(5, "relu", name="hidden")]
    model = keras.Sequential([keras.Input((6,)), *hidden, keras.layers.Dense(3, name="logits")])
    model.compile(keras.optimizers.SGD(rate, momentum=0.5), LOSS, **options)
    return model


def fit(model, *watching, epochs=3):
    data = {"batch_size": 16, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, epochs=epochs, callbacks=list(watching), **data).history


def tags(folder, kind):
    board = event_accumulator.EventAccumulator(str(folder))
    board.Reload()
    return set(board.Tags()[kind]) | {t for t in board.Tags()["tensors"] if kind != "images"}
