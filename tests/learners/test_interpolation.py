"""Both ways begin and end where they should; the arc keeps its distance from the origin."""

import numpy as np
import pytest

from kerasdl.learners import interpolation

A, B = np.random.default_rng(0).normal(size=(2, 100)).astype("float32")


@pytest.mark.parametrize("way", [interpolation.line, interpolation.arc])
def test_ends_are_the_codes(way):
    codes = np.array(way(A, B, 7))
    assert codes.shape == (7, 100)
    np.testing.assert_allclose(codes[[0, -1]], [A, B], atol=1e-5)


def test_only_the_arc_stays_near_the_sphere():
    line, arc = (
        np.linalg.norm(way(A, B, 9), axis=1).min()
        for way in (interpolation.line, interpolation.arc)
    )
    nearest = min(np.linalg.norm(A), np.linalg.norm(B))
    assert line < 0.8 * nearest
    assert arc > 0.98 * nearest


@pytest.mark.parametrize("b", [A, 2 * A, -A])
def test_an_arc_between_parallel_codes_is_a_line(b):
    np.testing.assert_allclose(interpolation.arc(A, b, 5), interpolation.line(A, b, 5), atol=1e-5)
