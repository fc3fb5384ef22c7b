"""Data and reference arrays for the tests of learners."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="session")
def digits():
    """All 1,797 digits, (8, 8, 1) in [0, 1]."""
    return (load_digits().images / 16).astype("float32")[..., None]


@pytest.fixture(scope="session")
def batches(digits):
    """128 digits in batches of 32."""
    return tf.data.Dataset.from_tensor_slices(digits[:128]).batch(32)


@pytest.fixture(scope="session")
def reference():
    return lambda file: dict(np.load(REFERENCE / file))
