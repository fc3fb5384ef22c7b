"""What holds for every test."""

import os
import sys

import pytest

# before any test imports them
os.environ.setdefault(
    "TF_CPP_MIN_LOG_LEVEL", "2"
)  # keep warnings of oneDNN and CUDA out of reports
os.environ.setdefault("MPLBACKEND", "Agg")  # draw without a screen


@pytest.fixture(autouse=True)
def global_precision():
    """Give the next test the precision that this one found."""
    import keras

    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def pytest_sessionfinish():
    """A worker of pytest-xdist leaves without the farewell that ends the converting process."""
    if "kerasdl.export.process" in sys.modules:
        sys.modules["kerasdl.export.process"].WORKER.stop()
