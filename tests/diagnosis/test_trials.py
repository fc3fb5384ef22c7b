"""Results of `lr_find`, `overfit_one_batch` and `gradient_check`; they restore the model."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import diagnosis
from kerasdl.callbacks import state
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(256, 8)).astype("float32")
Y = (X @ RANDOM.normal(size=(8, 3)) > 0).astype("float32")
IMAGES = RANDOM.random((64, 8, 8, 1)).astype("float32") * 2 - 1


def network(*layers, optimizer=None, loss="mse", **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(3)])
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, **options)
    return model


def with_everything():
    """Make a model with seeds, moving averages, a learning rate schedule and optimizer state."""
    keras.utils.set_random_seed(0)  # layers draw their seeds when created
    rate = keras.optimizers.schedules.CosineDecay(0.01, 100)
    hidden = keras.layers.Dense(16, "relu"), keras.layers.BatchNormalization()
    return network(*hidden, keras.layers.Dropout(0.3), optimizer=keras.optimizers.Adam(rate))


def half():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    keras.utils.set_random_seed(0)
    try:
        return network(keras.layers.Dense(16, "relu"), optimizer="adam")
    finally:
        keras.config.set_dtype_policy(policy)


def gan():
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model("dcgan_tiny", width=8, seed=0)
    model.compile()
    return model


def data_of(make):
    data = (IMAGES + 1) / 2 if make is gan else (X, Y)  # a GAN takes images in [0, 1]
    return tf.data.Dataset.from_tensor_slices(data).batch(16)


def fitted(model, data):
    history = model.fit(data, epochs=2, verbose=0, shuffle=False).history
    return history, state.copy(state.variables_of(model))


@functools.cache
def undisturbed(make):
    return fitted(make(), data_of(make))


@pytest.mark.parametrize("make", [with_everything, half, gan])
@pytest.mark.parametrize("trial", ["lr_find", "overfit_one_batch"])
@pytest.mark.slow
def test_training_afterwards_is_unchanged(make, trial):
    model, data = make(), data_of(make)
    getattr(diagnosis, trial)(model, data, steps=12)
    (history, values), expected = fitted(model, data), undisturbed(make)
    assert history == expected[0]
    for one, other in zip(values, expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_continues_unchanged_after_lr_find():
    data = data_of(with_everything)
    model, other = with_everything(), with_everything()
    for each in (model, other):
        each.fit(data, verbose=0, shuffle=False)
    diagnosis.lr_find(model, data, steps=20)
    assert fitted(model, data)[0] == fitted(other, data)[0]


@pytest.mark.rows("SCH-12")
def test_the_suggestion_trains_and_the_last_rate_of_the_sweep_does_not():
    found = diagnosis.lr_find(network(), (X, Y), high=100.0)
    assert len(found.rates) < 100  # stops when the loss diverges
    falls = np.gradient(found.smooth, np.log(found.rates))
    first = len(falls) // 6  # early averages are noisy
    assert found.suggestion == found.rates[first + np.argmin(falls[first:])]

    def loss(rate):
        model = network(optimizer=keras.optimizers.SGD(rate))
        return model.fit(X, Y, epochs=3, verbose=0).history["loss"][-1]

    best = loss(found.suggestion)
    assert best < 0.5 * loss(1e-5)
    assert not best > loss(found.rates[-1])
    figure = found.figure()
    assert len(figure.axes[0].lines) == 3
    figure.clear()


def test_a_constant_model_gives_a_reason_and_no_suggestion():
    frozen = network(keras.layers.Lambda(lambda x: 0 * x), keras.layers.Dense(3, use_bias=False))
    frozen.layers[-1].trainable = False
    found = diagnosis.lr_find(frozen, (X, Y))
    assert found.suggestion is None and "falls by" in found.reason
    assert found.reason in str(found) and found.reason in found.figure().axes[0].get_title()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"low": 1e-9, "high": 1e-7}, ["falls by", "`high`"]),  # too low to learn
        ({"low": 20.0, "high": 1e3, "steps": 30}, ["does not fall", "`low`"]),  # diverges at once
    ],
)
def test_the_reason_names_the_wrong_end_of_the_range(options, words):
    found = diagnosis.lr_find(network(), (X, Y), **options)
    assert found.suggestion is None
    assert all(word in found.reason for word in words), found.reason


@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
def test_the_reason_names_a_frozen_model():
    frozen = network()
    frozen.trainable = False
    frozen.compile("sgd", "mse")
    found = diagnosis.lr_find(frozen, (X, Y))
    assert found.suggestion is None and "trainable" in found.reason


def test_the_reason_names_noisy_losses():
    noise = RANDOM.normal(size=(256, 3)).astype("float32")
    found = diagnosis.lr_find(network(), (0 * X, 10 * noise), high=1e-4)
    assert found.suggestion is None
    assert "noise" in found.reason and "larger batches" in found.reason, found.reason


def test_a_suggestion_has_no_reason():
    found = diagnosis.lr_find(network(), (X, Y), high=100.0)
    assert found.reason == "" and f"{found.suggestion:.1e}" in str(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"low": 1.0, "high": 0.1}, "0 < low < high"), ({"steps": 3}, "at least 10")],
)
def test_an_invalid_sweep_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        diagnosis.lr_find(network(), (X, Y), **options)


def test_an_uncompiled_model_is_refused():
    with pytest.raises(InvalidInput, match="one that is compiled"):
        diagnosis.overfit_one_batch(keras.Sequential([keras.layers.Dense(1)]), (X, Y))


@pytest.mark.rows("DBG-05")
def test_a_good_model_overfits_one_batch():
    model = network(keras.layers.Dense(64, "relu"), optimizer=keras.optimizers.Adam(1e-2))
    found = diagnosis.overfit_one_batch(model, (X, Y))
    assert found.reached and found.final < 1e-3 and len(found.losses) < 1000


@pytest.mark.rows("DBG-05")
@pytest.mark.parametrize("broken", ["no rate", "labels elsewhere", "no gradient"])
def test_a_broken_model_does_not_overfit_one_batch(broken):
    hidden, data = keras.layers.Dense(64, "relu"), (X, Y)
    if broken == "no gradient":
        hidden = keras.layers.Lambda(lambda x: tf.stop_gradient(0 * x))
    if broken == "labels elsewhere":  # equal inputs with different labels
        data = np.repeat(X[:16], 2, axis=0), Y[:32]
    model = network(hidden, optimizer=keras.optimizers.Adam(0.0 if broken == "no rate" else 1e-2))
    assert not diagnosis.overfit_one_batch(model, data, steps=200).reached


@pytest.mark.rows("DBG-04", "BAS-13")
def test_gradients_of_a_deep_model_are_correct():
    model = kerasdl.create_model("gpt_tiny", vocabulary_size=11, context=6, dropout=0.0)
    tokens = RANDOM.integers(0, 11, (2, 7))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = diagnosis.gradient_check(model, tokens[:, :-1], tokens[:, 1:], loss=loss, directions=1)
    assert found.right, found.worst
    assert len(found.errors) == len(model.trainable_variables)


@keras.saving.register_keras_serializable(package="tests")
class WrongSlope(keras.layers.Layer):
    """A square whose gradient is 1, which is wrong."""

    def call(self, inputs):
        return tf.stop_gradient(inputs**2 - inputs) + inputs


@pytest.mark.rows("DBG-04")
def test_a_wrong_gradient_is_found():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), WrongSlope()])
    found = diagnosis.gradient_check(model, X[:4], X[:4, :4], loss="mse")
    assert not found.right and found.worst.endswith(("kernel", "bias"))


def test_a_gradient_check_requires_a_loss():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    with pytest.raises(InvalidInput, match="not compiled"):
        diagnosis.gradient_check(model, X[:4], X[:4, :4])
