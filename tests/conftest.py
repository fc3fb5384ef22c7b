"""Settings and fixtures for all tests."""

import gc
import itertools
import os
import random
import signal
import sys
import time

import numpy as np
import pytest

from tests import seconds

# before any test imports them
os.environ.setdefault(
    "TF_CPP_MIN_LOG_LEVEL", "2"
)  # keep warnings of oneDNN and CUDA out of reports
# as `import kerasdl` does; tests import Keras first, and their processes would compute otherwise
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.pop("COLUMNS", None)  # readline may set it in pytest; tables would be as in a terminal
os.environ.setdefault("MPLBACKEND", "Agg")  # draw without a screen

collect_ignore = [  # they make fixtures with PyTorch, which is not here
    "reference/captum_maps.py",
    "reference/llama_tiny.py",
]

# seconds since 1970 after which the slow tests that are left skip themselves, as on a slow machine
UNTIL = float(os.environ.get("KERASDL_TESTS_UNTIL", "inf"))

# a process started with & ignores Ctrl-C, and so would the processes that tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Draw the same random numbers in each run, also in fixtures of a module.

    Keras draws its own seeds from Python; `keras.utils.set_random_seed` would also make TensorFlow
    forget every kernel, which makes tests slower.
    """
    if time.time() > UNTIL:
        pytest.skip("no time is left: KERASDL_TESTS_UNTIL has passed")
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


def pytest_itemcollected(item):
    """Mark tests that share a fixture of their module: one process runs them and makes it once."""
    fixtures = getattr(item, "_fixtureinfo", None)
    made = itertools.chain.from_iterable(fixtures.name2fixturedefs.values()) if fixtures else ()
    if not groups(item) and any(fixture.scope == "module" for fixture in made):
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Write the groups into the names of tests, by which `--dist loadgroup` divides them.

    pytest-xdist 3.8 writes them where pytest 9.2 does not look, and then ignores groups
    (https://github.com/pytest-dev/pytest-xdist/issues/1386).
    """
    for item in items if getattr(config.option, "loadgroup", False) else ():
        name = f"{item.nodeid}@{'_'.join(groups(item))}"
        if groups(item) and "@" not in item.nodeid.rpartition("]")[2] and hasattr(item, "_id"):
            item._id = type(item._id).parse(name)
    if "KERASDL_TESTS_UNTIL" in os.environ:  # other files first each time: each gets its turn
        files = sorted({item.path for item in items})
        random.Random(UNTIL).shuffle(files)
        items.sort(key=lambda item: files.index(item.path))


def groups(item):
    """Return the groups of a test: those of one group are run by one process."""
    return sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})


def pytest_collection_finish():
    """Exclude imported modules from garbage collection, which makes it faster."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    """Record the time of a test if requested; with pytest-xdist, only in the main process."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        seconds.record(report)
