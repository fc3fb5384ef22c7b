"""Fixtures that compare a formula with what the package uses, and record the difference."""

import pathlib

import numpy as np
import pytest

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"


@pytest.fixture
def reference():
    """Read arrays that another library computed: reference("fpn")["c3"]."""
    opened = []

    def read(name):
        opened.append(np.load(REFERENCE / f"{name}.npz"))
        return opened[-1]

    yield read
    for numbers in opened:
        numbers.close()


@pytest.fixture
def same(record_property):
    """Assert that a formula equals another computation; `make formulas` records the difference.

    same(activations.relu, "keras.activations.relu", ours, theirs)

    The difference is the largest one, relative to the largest value of `theirs` if that exceeds 1.
    `ours` and `theirs` may be lists of arrays.
    """

    def check(formula, proven, ours, theirs, at_most=1e-6):
        parts = [(ours, theirs)]
        if isinstance(ours, list | tuple):
            parts = list(zip(ours, theirs, strict=True))
        difference = max(_difference(np.asarray(a), np.asarray(b)) for a, b in parts)
        name = f"{formula.__module__.rpartition('.')[2]}.{formula.__name__}"
        record_property("proof", (name, proven, difference))
        message = f"{name} differs from {proven} by {difference:.1e} > {at_most:.0e}"
        assert difference <= at_most, message

    return check


def _difference(ours, theirs):
    assert ours.shape == theirs.shape, f"{ours.shape} is not {theirs.shape}"
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    scale = max(1.0, float(np.abs(theirs).max(initial=0.0)))
    return float(np.abs(ours - theirs).max(initial=0.0)) / scale
