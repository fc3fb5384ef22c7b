"""Small batches that the declarations feed."""

import numpy as np
from sklearn import datasets

BATCH = 16


def normal(*shape):
    """Standard normal numbers."""
    return np.random.default_rng(0).normal(size=(BATCH, *shape)).astype("float32")


def digits(size=8, channels=1):
    """Real digits and their labels, pixels repeated until an image has `size` a side."""
    pixels, labels = datasets.load_digits(return_X_y=True)
    pixels = pixels[:BATCH].reshape(-1, 8, 8, 1).astype("float32") / 16
    larger = np.kron(pixels, np.ones((1, size // 8, size // 8, channels), "float32"))
    return larger, labels[:BATCH].astype("int32")


def tokens(length, vocabulary):
    """Sequences that count upwards from a random start, and the same one step later."""
    starts = np.random.default_rng(0).integers(vocabulary, size=(BATCH, 1))
    counted = (starts + np.arange(length + 1)) % vocabulary
    return counted[:, :-1].astype("int32"), counted[:, 1:].astype("int32")
