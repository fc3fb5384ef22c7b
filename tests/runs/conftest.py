"""Runs of deep networks without graphs."""

import pytest
import tensorflow as tf


@pytest.fixture
def without_graphs():
    """Run functions eagerly: the graph of a deep network takes longer to trace than a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
