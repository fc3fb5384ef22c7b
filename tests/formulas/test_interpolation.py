"""Linear and spherical interpolation, compared with the learners' functions."""

import numpy as np
import pytest

from kerasdl.formulas import interpolation
from kerasdl.learners import interpolation as learners


@pytest.mark.rows("E-29")
@pytest.mark.parametrize("way", ["line", "arc"])
def test_interpolation_equals_the_learners_and_ends_at_the_codes(way, same):
    a, b = np.random.default_rng(0).normal(size=(2, 16)).astype("float32")
    formula = getattr(interpolation, way)
    ours = formula(a, b, 7)
    name = f"kerasdl.learners.interpolation.{way}"
    same(formula, name, ours, getattr(learners, way)(a, b, 7), at_most=1e-5)
    np.testing.assert_allclose(ours[[0, -1]], [a, b], atol=1e-6)


def test_only_spherical_interpolation_stays_on_the_sphere():
    a, b = np.array([3.0, 0.0]), np.array([0.0, 3.0])
    np.testing.assert_allclose(np.linalg.norm(interpolation.arc(a, b, 9), axis=1), 3)
    assert np.linalg.norm(interpolation.line(a, b, 9), axis=1).min() < 2.2
