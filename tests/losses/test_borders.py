"""Weights of borders equal their formula."""

import numpy as np
import pytest

from kerasdl import losses
from kerasdl.errors import InvalidInput


def test_weights_are_largest_where_objects_nearly_touch():
    instances = np.zeros((9, 20), int)
    instances[2:7, 2:8], instances[2:7, 10:16] = 1, 2
    weights = losses.boundary_weights(instances, balance=False)
    assert (weights[instances > 0] == 1).all()
    # the pixel in column 8 is 1 from the first object and 2 from the second
    assert weights[4, 8] == pytest.approx(1 + 10 * np.exp(-((1 + 2) ** 2) / 50))
    assert weights.max() == weights[4, 9] > 5 > weights[0, 0]


def test_balanced_weights_have_equal_sums():
    instances = np.zeros((8, 8), int)
    instances[:2] = 1
    weights = losses.boundary_weights(instances)
    assert weights[instances == 1].sum() == pytest.approx(weights[instances == 0].sum())


def test_one_object_or_none_has_no_borders():
    one = np.pad(np.ones((2, 2), int), 2)
    for instances in (one, np.zeros((3, 3), int)):
        assert (losses.boundary_weights(instances, balance=False) == 1).all()


def test_masks_of_probabilities_are_refused():
    with pytest.raises(InvalidInput, match="integers of shape"):
        losses.boundary_weights(np.zeros((4, 4)))
