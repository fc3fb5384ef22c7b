"""`lr_find`, `overfit_one_batch` and `gradient_check` refuse invalid input in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.errors import InvalidInput

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
TRIALS = [diagnosis.lr_find, diagnosis.overfit_one_batch]


def network(*hidden):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), *hidden, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def refused(call, *given, message="Expected", **options):
    with pytest.raises(InvalidInput, match=message) as error:
        call(network(), *given, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        *({"smoothing": value} for value in (1.0, -0.1, "x")),
        *({"steps": value} for value in (20.5, "x", True)),
        *({"low": value} for value in ("x", np.nan, 0)),
        *({"high": value} for value in (None, np.inf)),
    ],
    ids=str,
)
def test_arguments_of_lr_find(options):
    refused(diagnosis.lr_find, (X, Y), message=next(iter(options)), **options)


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"goal": "x"}, {"learning_rate": "x"}, {"learning_rate": -1}], ids=str
)
def test_arguments_of_overfit_one_batch(options):
    refused(diagnosis.overfit_one_batch, (X, Y), message=next(iter(options)), **options)


@pytest.mark.parametrize(
    "options",
    [{"loss": "foo"}, {"loss": ["mse", "mse"]}, {"epsilon": 0}, {"directions": 0}],
    ids=str,
)
def test_arguments_of_gradient_check(options):
    refused(diagnosis.gradient_check, X, Y, message=next(iter(options)), **options)


def test_a_gradient_check_without_trainable_weights():
    model = network()
    model.trainable = False
    found = diagnosis.gradient_check(model, X, Y)
    with pytest.raises(InvalidInput, match="trainable weights"):
        assert found.right and found.worst


@pytest.mark.parametrize("trial", TRIALS)
def test_missing_and_unbatched_data(trial):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y[:, 0]))
    refused(trial, dataset.batch(4).take(0), message="at least one batch")
    refused(trial, (X[:0], Y[:0]), message="at least one batch")
    refused(trial, (X, Y[:3]), message="of one length")
    refused(trial, (pair for pair in [(X, Y)]), message="of one length")
    refused(trial, dataset, message="made by `batch`")


@pytest.mark.parametrize("trial", TRIALS)
def test_lists_are_accepted(trial):
    inputs = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.concatenate(inputs)))
    model.compile("sgd", "mse")
    assert np.isfinite(trial(model, ([X[:, :2], X[:, 2:]], Y), steps=12).losses).all()
    assert np.isfinite(trial(network(), (X.tolist(), Y.tolist()), steps=12).losses).all()


class Noise(keras.layers.Layer):
    """A layer that draws random numbers without its own seed."""

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs))


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("trial", TRIALS)
def test_the_global_seed_is_restored(trial, drawn):
    def losses(*before):
        model = network(Noise())
        if drawn:
            keras.random.normal((1,))
        for each in before:
            each(model, (X, Y), steps=12)
        history = model.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
        return history["loss"], np.array(keras.random.SeedGenerator().state).tolist()

    assert losses() == losses(trial)
