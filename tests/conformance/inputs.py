"""Small batches for the declarations."""

import numpy as np
from sklearn import datasets

from kerasdl.data.sets import shapes

BATCH = 16


def normal(*shape):
    """Standard normal numbers."""
    return np.random.default_rng(0).normal(size=(BATCH, *shape)).astype("float32")


def digits(size=8, channels=1):
    """Real digits of `size` by `size` pixels, made by repeating pixels, and their labels."""
    pixels, labels = datasets.load_digits(return_X_y=True)
    pixels = pixels[:BATCH].reshape(-1, 8, 8, 1).astype("float32") / 16
    larger = np.kron(pixels, np.ones((1, size // 8, size // 8, channels), "float32"))
    return larger, labels[:BATCH].astype("int32")


def tokens(length, vocabulary):
    """Sequences that count up from a random start, and the same sequences one step later."""
    starts = np.random.default_rng(0).integers(vocabulary, size=(BATCH, 1))
    counted = (starts + np.arange(length + 1)) % vocabulary
    return counted[:, :-1].astype("int32"), counted[:, 1:].astype("int32")


def padded_tokens(length, vocabulary):
    """Sequences of different lengths padded with 0, and the token before each; -1 for padding."""
    random = np.random.default_rng(0)
    sequences = random.integers(1, vocabulary, size=(BATCH, length + 1))
    lengths = random.integers(length // 2, length + 1, size=(BATCH, 1))
    real = np.arange(length) < lengths
    inputs, targets = np.where(real, sequences[:, 1:], 0), np.where(real, sequences[:, :-1], -1)
    return inputs.astype("int32"), targets.astype("int32")


def objects(size=32, elements=("class", "boxes")):
    """Images with one or two colored shapes, and their classes, boxes or instances."""
    random = np.random.default_rng(0)
    images, known = shapes.draw(random, BATCH, size, size, 2, range(30), noise=0.02)
    targets = {name: known[name] for name in elements}
    return images.astype("float32") / 255, targets
