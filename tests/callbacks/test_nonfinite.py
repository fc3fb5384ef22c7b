"""NonFinite reports the step of a NaN loss, its origin, and matching advice."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import callbacks
from kerasdl.callbacks import nonfinite, rates
from kerasdl.utils import memory

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 4)).astype("float32")
Y = rng.normal(size=(64, 1)).astype("float32")


class Logarithm(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.log(inputs)


class Root(keras.layers.Layer):
    """A square root at 0, where its gradient is infinite."""

    def call(self, inputs):
        return keras.ops.sqrt(0 * inputs)


class Enlarge(keras.layers.Layer):
    def call(self, inputs):
        return 0 * inputs + 1e25


class Block(keras.layers.Layer):
    """A block with a finite sublayer, whose own computation has an infinite gradient."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(3, name="inner")

    def call(self, inputs):
        return keras.ops.sqrt(0 * self.dense(inputs))


def fitted(layers, data=(X, Y), loss="mse", optimizer="sgd", known=True):
    """Return the error that stops 3 epochs of 8 steps, 4 steps per execution."""
    keras.utils.set_random_seed(0)
    first = keras.layers.Dense(8, name="first")
    model = keras.Sequential([keras.Input((4,)), first, *layers, keras.layers.Dense(1, name="b")])
    model.compile(optimizer, loss, steps_per_execution=4)
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8)
    watch = callbacks.NonFinite((lambda epoch, step: dataset.skip(step)) if known else None)
    options = {"epochs": 3, "shuffle": False, "verbose": 0, "callbacks": [watch]}
    with pytest.raises(nonfinite.NonFiniteLoss) as raised:
        model.fit(dataset, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def damaged(array, value):
    array = array.copy()
    array[21, -1] = value
    return array


@pytest.mark.rows("DBG-22")
@pytest.mark.parametrize(
    ("layers", "options", "step", "what"),
    [
        ([], {"data": (damaged(X, np.nan), Y)}, 3, "the inputs of the batch, nan in row 5 of 8"),
        ([], {"data": (X, damaged(Y, -np.inf))}, 3, "the targets of the batch, -inf in row 5 of 8"),
        ([Logarithm], {}, 1, "the output of layer {}/logarithm"),
        ([Root], {}, 1, "the gradient of layer {}/root"),
        ([Block], {}, 1, "the gradient of layer {}/block"),
        ([Enlarge], {}, 1, "the loss, of outputs up to 1e+25"),
        ([], {"loss": lambda _, y: keras.ops.log(y)}, 1, "the loss, of finite outputs"),
    ],
)
def test_the_first_value_that_is_not_finite_is_named_with_its_step(layers, options, step, what):
    name = keras.Sequential().name  # the next model has the next number
    kind, _, number = name.partition("_")
    message = fitted([layer(name=layer.__name__.lower()) for layer in layers], **options)
    assert f"Invalid loss in step {step} of epoch 1. " in message
    model = f"{kind}_{int(number or 0) + 1}"
    assert f"first not finite: {what.format(model)}" in message, message


def test_a_learning_rate_that_is_too_high_is_reported_with_advice():
    message = fitted([], optimizer=keras.optimizers.SGD(50.0))
    assert "in step 4 of epoch 1" in message and "clipnorm" in message
    message = fitted([], optimizer=keras.optimizers.SGD(50.0), known=False)
    assert "in step 4 of epoch 1" in message and "first not finite: the weights" in message


class TwoLosses(keras.Model):
    """A model with two optimizers in its training step, like a GAN."""

    def __init__(self):
        inputs = keras.Input((4,))
        outputs = [keras.layers.Dense(1, name=name)(inputs) for name in ("one", "two")]
        super().__init__(inputs, outputs)
        self.trackers = [keras.metrics.Mean(name=f"{name}_loss") for name in ("one", "two")]

    def compile(self, rate):
        super().compile(optimizer=None, steps_per_execution=2)
        self.optimizers = {"one": keras.optimizers.SGD(0.1), "two": keras.optimizers.SGD(rate)}
        self.one, self.two = self.optimizers.values()
        for name, optimizer in self.optimizers.items():
            optimizer.build(self.get_layer(name).trainable_variables)

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, data):
        inputs, targets = data
        for number, (name, optimizer) in enumerate(self.optimizers.items()):
            with tf.GradientTape() as tape:
                loss = keras.ops.mean((self(inputs)[number] - targets) ** 2)
            variables = self.get_layer(name).trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            self.trackers[number].update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def test_without_memory_for_a_copy_the_layer_with_broken_weights_is_named(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 0)
    message = fitted([], optimizer=keras.optimizers.SGD(50.0))
    assert "in step 4 of epoch 1" in message and "first not finite: the weights" in message


def test_a_custom_train_step_with_two_optimizers():
    model = TwoLosses()
    model.compile(rate=1e12)
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    watch = callbacks.NonFinite(lambda epoch, step: dataset.skip(step))
    with pytest.raises(
        nonfinite.NonFiniteLoss, match=r"two_loss in step .* Received: inf; first not finite"
    ):
        model.fit(dataset, epochs=3, shuffle=False, verbose=0, callbacks=[watch])


def test_training_is_unchanged():
    def weights(watched):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), Root()])
        model.add(keras.layers.Dense(1))
        model.compile("adam", "mse")
        dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
        watch = callbacks.NonFinite(lambda epoch, step: dataset.skip(step))
        model.fit(dataset, shuffle=False, verbose=0, callbacks=[watch] * watched)
        return model.get_weights()

    for a, b in zip(weights(True), weights(False), strict=True):
        np.testing.assert_array_equal(a, b)


def test_learning_rates_of_schedules_and_constants_are_lowered():
    schedule = keras.optimizers.schedules.CosineDecay(0.4, decay_steps=10)
    optimizer = keras.optimizers.Adam(schedule)
    for expected in (0.2, 0.1):
        rates.lower(optimizer, 0.5)
        assert float(optimizer.learning_rate) == pytest.approx(expected)
    again = keras.optimizers.Adam.from_config(optimizer.get_config())
    assert float(again.learning_rate) == pytest.approx(0.1)
    constant = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.4))
    rates.lower(constant, 0.5)
    assert float(constant.learning_rate) == pytest.approx(0.2)
