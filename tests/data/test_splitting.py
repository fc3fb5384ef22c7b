"""Each example is in one split, and splits have the requested sizes."""

import time

import numpy as np
import pytest

from kerasdl.data import splitting
from kerasdl.errors import InvalidInput


def test_the_last_fraction_is_held_out():
    x = np.arange(10)
    kept, held = splitting.hold_out((x, {"y": 2 * x}), 0.25)
    np.testing.assert_array_equal(kept[0], x[:7])
    np.testing.assert_array_equal(held[0], x[7:])
    np.testing.assert_array_equal(held[1]["y"], 2 * x[7:])


@pytest.mark.parametrize("fraction", [0, 0.0])
def test_fraction_zero_holds_out_nothing(fraction):
    x = np.arange(10)
    kept, held = splitting.hold_out(x, fraction)
    assert kept is x and held is None


def test_in_sequence_divides_into_eight_tenths_and_two_tenths():
    parts = splitting.in_sequence(np.arange(25))
    assert [part.tolist() for part in parts] == [[*range(20)], [20, 21], [22, 23, 24]]


def test_each_class_is_divided_by_the_same_fractions():
    labels = np.repeat([0, 1, 2], [10, 20, 5])
    train, validation, test = splitting.rows_of_splits(labels, 0, validation=0.1, test=0.2)
    assert np.bincount(labels[train]).tolist() == [7, 14, 4]
    assert np.bincount(labels[validation], minlength=3).tolist() == [1, 2, 0]
    assert np.bincount(labels[test]).tolist() == [2, 4, 1]
    for rows in (train, validation, test):
        assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation, test])), range(35))


def test_sum_of_fractions_is_not_rounded_down():
    """0.1 + 0.2 is a little more than 0.3, and 0.7 + 0.1 a little less than 0.8."""
    rows = splitting.rows_of_splits(np.zeros(10), 0, validation=0.1, test=0.7)
    assert [len(part) for part in rows] == [2, 1, 7]


def test_rows_depend_on_the_seed():
    first, again, other = (
        splitting.rows_of_splits(np.zeros(50), seed, validation=0.2, test=0.2) for seed in (1, 1, 2)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[2], other[2])


@pytest.mark.parametrize(
    ("validation", "test", "message"),
    [
        (0.5, 0.5, r"`validation` and `test`.*something to train on.*\(0.5, 0.5\)"),
        (-0.1, 0.5, r"`validation`.*\[0, 1\).*-0.1"),
        (0.1, 1, r"`test`.*\[0, 1\).*1"),
    ],
)
def test_invalid_fractions_raise(validation, test, message):
    with pytest.raises(InvalidInput, match=message):
        splitting.rows_of_splits(np.zeros(10), 0, validation, test)


def test_holding_out_everything_raises():
    with pytest.raises(InvalidInput, match=r"`validation`.*\[0, 1\)"):
        splitting.hold_out(np.arange(3), 1)


def test_classes_are_interleaved_and_rows_drawn_within_each():
    labels = np.array(["b", "a", "c", "a", "b"] * 20)
    train, validation, test = splitting.rows_of_splits(labels, 3, validation=0.25, test=0.25)
    counts = {label: np.sum(labels == label) for label in "abc"}
    assert counts == {"a": 40, "b": 40, "c": 20}
    for rows, fraction in ((train, 0.5), (validation, 0.25), (test, 0.25)):
        found = {label: np.sum(labels[rows] == label) for label in "abc"}
        assert found == {label: fraction * count for label, count in counts.items()}
    random = np.random.default_rng(3)
    first, second, _ = (random.permutation(np.flatnonzero(labels == label)) for label in "abc")
    np.testing.assert_array_equal(test[labels[test] == "a"], np.sort(first[:10]))
    np.testing.assert_array_equal(validation[labels[validation] == "b"], np.sort(second[10:20]))


def test_time_does_not_grow_with_the_square_of_the_classes():
    start = time.process_time()
    train, *_ = splitting.rows_of_splits(np.arange(150_000), 0, validation=0.1, test=0.1)
    assert len(train) == 150_000 and time.process_time() - start < 5  # it takes 1.5 s
