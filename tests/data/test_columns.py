"""Columns of a table are encoded with the statistics of the training split."""

import numpy as np
import pytest

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


def test_blank_number_is_the_mean_and_is_marked():
    values = np.array([1.0, np.nan, 3.0, np.nan, 9.0])
    column = Column.fit("age", values, np.arange(4))
    assert column.blanks and column.mean == (2.0, 0.5) and column.deviation == (1.0, 0.5)
    assert column.standardized(values).tolist() == [[-1, -1], [0, 1], [1, -1], [0, 1], [7, -1]]
    assert str(column) == "(age - 2) / 1, (age is blank - 0.5) / 0.5"
    # without blanks in the training split, a blank is the mean
    column = Column.fit("age", values, np.array([0, 2]))
    assert not column.blanks
    assert column.standardized(values).tolist() == [[-1], [0], [1], [0], [7]]
    assert Column.fit("age", values, np.array([1, 3])).note == "age (always blank)"


def test_blank_word_is_a_word_of_its_own():
    column = Column.fit("kind", np.array(["dog", "", "", "cat"], object), np.arange(4))
    assert column.words == ("", "cat", "dog") and column.note == "kind (2 words and blanks)"
    assert "(kind is blank - 0.5) / 0.5" in str(column)


def test_dates_become_calendar_numbers():
    texts = ["2024-02-29", "2023-12-31 18:00", ""]
    days = columns.days(texts, "ISO8601")
    column = Column.fit("sold", days, np.arange(3), "ISO8601")
    assert column.width == len(columns.DATE) + 1 and column.blanks
    plain = column.standardized(days) * column.deviation + column.mean
    np.testing.assert_allclose(plain[0, 1:6], [2024, 2, 29, 3, 0], atol=1e-3)  # a Thursday
    np.testing.assert_allclose(plain[1, 1:6], [2023, 12, 31, 6, 18], atol=1e-3)  # a Sunday
    assert plain[0, 0] - plain[1, 0] == pytest.approx(59.25, abs=0.01)
    assert column.standardized(days)[2, :-1].tolist() == [0] * len(columns.DATE)
    parts = column.standardized(days)[:2, :-1]
    np.testing.assert_allclose((parts**2).mean(axis=0), 1 / column.width, rtol=1e-5)
    assert str(column).count("of sold - ") == len(columns.DATE)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2024-01-31", "2024-02-01"], "ISO8601"),
        (["2024-01-31T12:30:00Z", ""], "ISO8601"),
        (["01/02/2024", "31/01/2024"], "%d/%m/%Y"),
        (["01/02/2024", "01/31/2024"], "%m/%d/%Y"),
        (["3.2.2024", "13.12.2024"], "%d.%m.%Y"),
        (["Jan 5, 2024"], "%b %d, %Y"),
        (["5 January 2024"], "%d %B %Y"),
        (["05/01/2024 13:30"], "%d/%m/%Y %H:%M"),
        (["red", "green"], None),
        (["A1234-5", "B9999-1"], None),
        (["", ""], None),
    ],
)
def test_format_of_dates_is_found(texts, form):
    assert columns.date_format(texts) == form


def test_many_words_are_hashed_and_identifiers_are_not_used():
    rows = np.arange(200)
    many = np.array([f"street {i % 70}" for i in range(200)], object)
    column = Column.fit("street", many, rows)
    assert column.kind == "hashed" and column.width == columns.BUCKETS
    encoded = column.standardized(many)
    np.testing.assert_array_equal(encoded[0], encoded[70])
    assert (encoded[0] != encoded[1]).any() and encoded.var(axis=0).sum() == pytest.approx(1)
    texts = np.array([f"a flat number {i} near the lake" for i in range(200)], object)
    assert Column.fit("notes", texts, rows).kind == "text"
    codes = np.array([f"x{i}" for i in range(200)], object)
    unused = Column.fit("id", codes, rows)
    assert unused.width == 0 and unused.note == "id (each value is different)"
    few = Column.fit("kind", KINDS, TRAIN)
    found = columns.inputs([unused, few], {"id": codes[:3], "kind": KINDS})
    assert found.shape == (3, 2)
    assert columns.notes([unused, few]) == (
        "words, one-hot encoded: kind (2 words)",
        "not used: id (each value is different)",
    )


@pytest.mark.parametrize(
    "changes",
    [{"kind": "no_such"}, {"kind": "date", "detail": "%c"}, {"mean": (0.0, 1.0)}, {"blanks": True}],
)
def test_column_that_was_not_fitted_raises(changes):
    """A run folder of others may hold any values."""
    values = {"name": "a", "words": None, "mean": (0.0,), "deviation": (1.0,), **changes}
    with pytest.raises(ValueError, match="column `a` of"):
        Column(**values)
