"""What holds for every test."""

import gc
import os
import random
import signal
import sys

import numpy as np
import pytest

from tests import seconds

# before any test imports them
os.environ.setdefault(
    "TF_CPP_MIN_LOG_LEVEL", "2"
)  # keep warnings of oneDNN and CUDA out of reports
os.environ.setdefault("MPLBACKEND", "Agg")  # draw without a screen

# what a shell starts with & is deaf to Ctrl-C, and so would be all that tests start and interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Draw the same numbers in each run, also in what the tests of a module share.

    Keras draws its own seeds from Python; `keras.utils.set_random_seed` would also make TensorFlow
    forget every kernel, which makes tests slower.
    """
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def global_precision():
    """Give the next test the precision that this one found."""
    import keras

    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def pytest_sessionfinish():
    """A worker of pytest-xdist leaves without the farewell that ends the converting process."""
    if "kerasdl.export.worker" in sys.modules:
        sys.modules["kerasdl.export.worker"].WORKER.stop()


def pytest_collection_finish():
    """What was imported stays: the collector of garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    """Write down how long it took, if asked to; of several processes only the first gets all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        seconds.record(report)
