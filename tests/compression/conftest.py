"""Functional, sequential, nested and subclassed models, and data to train them on."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="elsewhere")
class Gate(layers.Layer):
    """A composite layer that creates its sublayers in `build`."""

    def build(self, input_shape):
        self.squeeze = layers.GlobalAveragePooling2D(keepdims=True)
        self.expand = layers.Dense(input_shape[-1], activation="sigmoid", name="expand")
        self.expand.build((None, 1, 1, input_shape[-1]))

    def call(self, inputs):
        return inputs * self.expand(self.squeeze(inputs))


@keras.saving.register_keras_serializable(package="elsewhere")
class Block(layers.Layer):
    """A composite layer that contains another one and a list of layers."""

    def __init__(self, filters=8, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.chain = [
            layers.Conv2D(filters, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(name="bn"),
        ]
        self.gate = Gate(name="gate")
        self.dropout = layers.Dropout(0.2, seed=0)

    def build(self, input_shape):
        for layer in self.chain:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.gate.build(input_shape)

    def call(self, inputs, training=False):
        x = inputs
        for layer in self.chain:
            x = layer(x, training=training) if layer.name == "bn" else layer(x)
        return self.dropout(keras.ops.relu(self.gate(x)), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)


@keras.saving.register_keras_serializable(package="elsewhere")
class Shift(layers.Layer):
    """A custom layer with a weight of its own."""

    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[-1:], initializer="ones")

    def call(self, inputs):
        return inputs + self.shift


@keras.saving.register_keras_serializable(package="elsewhere")
class Subclassed(keras.Model):
    """A subclassed model with blocks, a nested Sequential and a branch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.block1, self.block2 = Block(name="block1"), Block(name="block2")
        self.shift = Shift(name="shift")
        self.head = keras.Sequential(
            [layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(4)], name="head"
        )

    def call(self, inputs, training=False):
        x = self.block1(inputs, training=training)
        return self.head(self.shift(x + self.block2(x, training=training)))


def functional():
    x = inputs = keras.Input((8, 8, 1))
    x = Block(name="block1")(x)
    x = x + Block(name="block2")(x)
    x = Shift(name="shift")(x)
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(4),
        ]
    )


def nested():
    inner = functional()
    inputs = keras.Input((8, 8, 1))
    x = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(1, 1, name="conv")])(inputs)
    return keras.Model(inputs, inner(x))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 8, 8, 1), "float32"))
    return model


MODELS = {f.__name__: f for f in (functional, sequential, nested, subclassed)}


@pytest.fixture(params=MODELS)
def model(request):
    """Each of MODELS in turn."""
    keras.utils.set_random_seed(0)
    return MODELS[request.param]()


@pytest.fixture(autouse=True, scope="package")
def plain_graphs():
    """Disable graph optimization, which takes longer than the few steps of a test."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture
def images():
    return np.random.default_rng(0).random((64, 8, 8, 1), dtype="float32")


@pytest.fixture
def train(images):
    """Batches of 16 images, labeled with their brightest quarter."""
    quarters = images.reshape(-1, 2, 4, 2, 4).mean((2, 4)).reshape(-1, 4)
    return tf.data.Dataset.from_tensor_slices((images, quarters.argmax(-1))).batch(16)


@pytest.fixture
def compiled():
    """A function that compiles a model for classification."""

    def compile_(model, optimizer="adam", **options):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
        model.compile(optimizer, loss, metrics=metrics, **options)
        return model

    return compile_


@pytest.fixture
def traced(monkeypatch):
    """A list with the model of each traced training step."""
    found, step = [], keras.Model.train_step

    def watched(model, data):
        found.append(model)
        return step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", watched)
    return found
