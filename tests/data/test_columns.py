"""Columns of a table are encoded with the statistics of the training split."""

import numpy as np

from kerasdl.data import columns
from kerasdl.data.columns import Column

AGES = np.array([1.0, 3.0, 100.0])
KINDS = np.array(["dog", "cat", "fox"])
TRAIN = np.array([0, 1])


def test_numbers_are_standardized_by_the_training_split():
    column = Column.fit("age", AGES, TRAIN)
    assert (column.name, column.words, column.mean, column.deviation) == (
        "age",
        None,
        (2.0,),
        (1.0,),
    )
    found = column.standardized(AGES)
    assert found.dtype == "float32" and found.tolist() == [[-1], [1], [98]]


def test_words_are_one_hot_and_unknown_words_are_zeros():
    column = Column.fit("kind", KINDS, TRAIN)
    assert column.words == ("cat", "dog")
    assert column.mean == (0.5, 0.5) and column.deviation == (0.5, 0.5)
    assert column.standardized(KINDS).tolist() == [[-1, 1], [1, -1], [-1, -1]]


def test_constant_column_has_deviation_one():
    column = Column.fit("one", np.array([7.0, 7.0, 8.0]), TRAIN)
    assert column.deviation == (1,)
    assert column.standardized(np.array([7.0, 8.0])).tolist() == [[0], [1]]


def test_inputs_have_the_order_of_the_columns():
    fitted = [Column.fit("kind", KINDS, TRAIN), Column.fit("age", AGES, TRAIN)]
    found = columns.inputs(fitted, {"age": AGES, "kind": KINDS})
    np.testing.assert_array_equal(found, [[-1, 1, -1], [1, -1, 1], [-1, -1, 98]])
    assert str(fitted[0]) == "(kind is cat - 0.5) / 0.5, (kind is dog - 0.5) / 0.5"
    assert str(fitted[1]) == "(age - 2) / 1"
