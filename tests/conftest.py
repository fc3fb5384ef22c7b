"""Settings and fixtures for all tests."""

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
os.environ.pop("COLUMNS", None)  # readline may set it in pytest; tables would be as in a terminal
os.environ.setdefault("MPLBACKEND", "Agg")  # draw without a screen

# a process started with & ignores Ctrl-C, and so would the processes that tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Draw the same random numbers in each run, also in fixtures of a module.

    Keras draws its own seeds from Python; `keras.utils.set_random_seed` would also make TensorFlow
    forget every kernel, which makes tests slower.
    """
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def global_precision():
    """Restore Keras's dtype policy after each test."""
    import keras

    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def pytest_sessionfinish():
    """Stop the converter process: a pytest-xdist worker exits without running `atexit`."""
    if "kerasdl.export.worker" in sys.modules:
        sys.modules["kerasdl.export.worker"].WORKER.stop()


def pytest_collection_finish():
    """Exclude imported modules from garbage collection, which makes it faster."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    """Record the time of a test if requested; with pytest-xdist, only in the main process."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        seconds.record(report)
