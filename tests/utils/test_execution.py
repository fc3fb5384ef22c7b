"""Steps that run without returning to Python: which trainings gain from several."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.utils import execution

X = np.zeros((64, 2))
DATASET = tf.data.Dataset.from_tensor_slices(X).batch(32)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"x": X, "epochs": 250}, 8),
        ({"x": X, "epochs": 249}, 1),
        ({"x": X, "epochs": 125, "batch_size": 16}, 8),
        ({"x": {"a": X, "b": X}, "epochs": 250, "callbacks": [keras.callbacks.History()]}, 8),
        ({"x": DATASET, "epochs": 250}, 8),
        ({"x": DATASET.repeat(), "epochs": 250}, 1),
        ({"x": DATASET.repeat(), "steps_per_epoch": 500}, 8),
        ({"x": DATASET.filter(lambda x: True), "epochs": 250}, 1),
        ({"x": iter(()), "epochs": 250}, 1),
    ],
)
def test_long_trainings_run_several_steps_at_once(arguments, expected):
    assert execution.steps_at_once(**arguments) == expected


@pytest.mark.parametrize(
    ("callback", "watches"),
    [
        (keras.callbacks.EarlyStopping(), False),
        (keras.callbacks.ModelCheckpoint("x.keras", save_freq=3), True),
        (keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), False),
        (keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None), True),
    ],
)
def test_callbacks_that_are_called_at_each_batch_are_found(callback, watches):
    assert execution.watches_batches([callback]) == watches
    for given in ([callback], callback, keras.callbacks.CallbackList([callback])):
        at_once = execution.steps_at_once(X, epochs=250, callbacks=given)
        assert at_once == (1 if watches else 8)
