"""Linear (`line`) and spherical (`arc`) interpolation of codes: endpoints and norms."""

import numpy as np
import pytest

from kerasdl.learners import interpolation

A, B = np.random.default_rng(0).normal(size=(2, 100)).astype("float32")


@pytest.mark.parametrize("way", [interpolation.line, interpolation.arc])
def test_ends_are_the_codes(way):
    codes = np.array(way(A, B, 7))
    assert codes.shape == (7, 100)
    np.testing.assert_allclose(codes[[0, -1]], [A, B], atol=1e-5)


def test_only_spherical_interpolation_keeps_the_norm():
    line, arc = (
        np.linalg.norm(way(A, B, 9), axis=1).min()
        for way in (interpolation.line, interpolation.arc)
    )
    nearest = min(np.linalg.norm(A), np.linalg.norm(B))
    assert line < 0.8 * nearest
    assert arc > 0.98 * nearest


@pytest.mark.parametrize("b", [A, 2 * A, -A])
def test_spherical_interpolation_of_parallel_codes_is_linear(b):
    np.testing.assert_allclose(interpolation.arc(A, b, 5), interpolation.line(A, b, 5), atol=1e-5)
