"""Untrained functional, sequential and subclassed models, and inputs for them."""

import keras
import numpy as np
from keras import layers


def images(count=16, seed=0):
    return np.random.default_rng(seed).random((count, 8, 8, 1), dtype="float32")


def tokens(count=8, length=12, seed=0):
    return np.random.default_rng(seed).integers(0, 20, (count, length)).astype("int32")


def cnn():
    inputs = x = keras.Input((8, 8, 1))
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def sequential():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(4)])


def lstm():
    inputs = keras.Input((12,), dtype="int32")
    x = layers.LSTM(24, return_sequences=True)(layers.Embedding(20, 16)(inputs))
    return keras.Model(inputs, layers.Dense(20)(x))


def attention():
    inputs = keras.Input((12,), dtype="int32")
    x = layers.Embedding(20, 16)(inputs)
    x = x + layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
    return keras.Model(inputs, layers.Dense(20)(layers.LayerNormalization()(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), layers.Dense(3)

    def call(self, inputs):
        return self.dense(self.flatten(inputs))


def two_heads():
    image, size = keras.Input((8, 8, 1), name="image"), keras.Input((2,), name="size")
    x = layers.Concatenate()([layers.Flatten()(image), size])
    return keras.Model(
        {"image": image, "size": size}, {"kind": layers.Dense(5)(x), "age": layers.Dense(1)(x)}
    )


def pair():
    """Two inputs and two outputs of equal shapes, whose names are not in alphabetical order."""
    query, document = keras.Input((4,), name="query"), keras.Input((4,), name="document")
    score = layers.Subtract(name="score")([layers.Dense(3)(query), layers.Dense(3)(document)])
    more = layers.Add(name="more")([score, layers.Dense(3)(query)])
    return keras.Model([query, document], [score, more])


def twelve():
    """Twelve unnamed inputs, and twelve outputs, of equal shapes."""
    inputs = [keras.Input((2,)) for _ in range(12)]
    return keras.Model(inputs, [(number + 1) * x for number, x in enumerate(inputs)])


def vectors(parts, count=16, size=4, seed=0):
    return list(np.random.default_rng(seed).normal(size=(parts, count, size)).astype("float32"))
