"""PositionTable: the table of another image size, and sequences that do not fit."""

import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.layers import PositionTable

SEQUENCE = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def test_a_table_of_one_size_is_copied_for_the_same_size():
    layer, other = PositionTable((2, 2), tokens=2), PositionTable((2, 2), tokens=2)
    layer(SEQUENCE)
    weights = layer.get_weights()
    np.testing.assert_array_equal(layer.resized(weights, other)[0], weights[0])


def test_a_linear_table_stays_linear_between_its_ends():
    layer, other = PositionTable((4, 8), tokens=1), PositionTable((8, 16), tokens=1)
    rows, columns = np.mgrid[:4, :8]
    table = np.concatenate([[[9, 9]], np.stack([rows.ravel(), columns.ravel()], -1)])[None]
    resized = layer.resized([table.astype("float32")], other)[0]
    assert resized.shape == (1, 1 + 8 * 16, 2)
    np.testing.assert_array_equal(resized[0, 0], [9, 9])
    inside = resized[0, 1:].reshape(8, 16, 2)[2:-2, 4:-4]
    np.testing.assert_allclose(np.diff(inside[..., 0], axis=0), 0.5, atol=0.1)
    np.testing.assert_allclose(np.diff(inside[..., 1], axis=1), 0.5, atol=0.1)


def test_a_sequence_of_another_length_is_refused():
    with pytest.raises(InvalidInput, match=r"\(batch, 5, width\)"):
        PositionTable((2, 2), tokens=1)(SEQUENCE)
