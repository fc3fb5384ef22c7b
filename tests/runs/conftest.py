"""Runs that several tests read, and runs of deep networks without graphs."""

import functools
import shutil

import pytest
import tensorflow as tf

from kerasdl import recipes


@pytest.fixture(scope="session")
def fast_run(tmp_path_factory):
    """A function from a recipe to its fast run, trained once. A test that changes it copies it."""

    @functools.cache
    def run(name):
        return recipes.get(name).run(
            tmp_path_factory.mktemp(name) / "run", fast=True, progress=False
        )

    return run


@pytest.fixture
def copied_run(fast_run, tmp_path):
    """A copy of the fast run of `mlp`, which a test may change."""
    shutil.copytree(fast_run("mlp").path, tmp_path / "run")
    return recipes.open(tmp_path / "run")


@pytest.fixture
def without_graphs():
    """Run functions eagerly: the graph of a deep network takes longer to trace than a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
