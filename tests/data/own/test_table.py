"""Tables: which task a target makes, what columns become, and which line is at fault."""

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data.own.table import read_inputs
from kerasdl.errors import InvalidInput


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["height, colour,kind,price,stars"]
    for i in range(100):
        kind = ("cat", "dog")[i % 2]
        colour = ("red", "green", "blue")[i % 3]
        lines.append(f"{rng.normal(5, 2):.3f},{colour},{kind},{10 * rng.random():.3f},{i % 5}")
    path = tmp_path / "pets.csv"
    path.write_text("\n".join(lines) + "\n\n")
    return path


def test_words_make_classes_and_columns(file):
    splits = kerasdl.data.load(file, target="kind", batch_size=100)
    assert splits.info.task == "classification"
    assert splits.info.classes == ("cat", "dog")
    assert splits.info.shape == (6,)  # height, three colours, price, stars
    inputs, labels = next(splits.train.as_numpy_iterator())
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=1e-5)
    assert np.bincount(labels).tolist() == [35, 35]
    assert splits.info.counts == {"train": 70, "validation": 10, "test": 20}


def test_few_integers_make_classes(file):
    info = kerasdl.data.load(file, target="stars").info
    assert info.classes == ("0", "1", "2", "3", "4")


def test_numbers_make_a_regression_that_can_be_undone(file):
    splits = kerasdl.data.load(file, target="price", batch_size=100)
    assert splits.info.task == "regression"
    _, prices = next(splits.train.as_numpy_iterator())
    mean, deviation = splits.info.target_scale
    assert prices.shape == (70, 1)
    assert 0 < (prices * deviation + mean).min() < (prices * deviation + mean).max() < 10


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("1,2", ("line 103 of", "Expected 5 values", "Received: 2")),
        ("3,red,cat,,2", ("line 103 of", "a value for column `price`")),
        ("tall,red,cat,1,2", ("line 103 of", "a number for column `height`", "tall")),
    ],
)
def test_a_bad_line_is_named(file, line, parts):
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(file, target="kind")
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("target", [None, "weight"])
def test_a_missing_target_is_told_the_columns(file, target):
    options = {"target": target} if target else {}
    with pytest.raises(InvalidInput, match=r"height, colour, kind, price, stars\. Received: "):
        kerasdl.data.load(file, **options)


def test_what_is_no_table_is_refused(tmp_path):
    file = tmp_path / "x.csv"
    for content in (b"", b"a,b\n", b"a,b\n\xff\xfe,1\n"):
        file.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"x\.csv"):
            kerasdl.data.load(file, target="a")


def without(path, place, column):
    """A copy of a table that lacks a column."""
    rows = [line.split(",") for line in path.read_text().split()]
    place.write_text("\n".join(",".join(row[:column] + row[column + 1 :]) for row in rows))
    return place


def test_rows_of_a_trained_model_become_what_it_saw(file, tmp_path):
    file.write_text(file.read_text().replace(", ", ","))
    splits = kerasdl.data.load(file, target="kind", batch_size=100)
    lines, inputs = read_inputs(file, splits.info.columns, "kind")
    assert lines == list(range(2, 102))
    seen = [next(part.as_numpy_iterator())[0] for part in (splits.train, splits.test)]
    for row in np.concatenate(seen):
        assert (row == inputs).all(axis=1).any()
    bare = without(file, tmp_path / "bare.csv", 2)
    np.testing.assert_array_equal(read_inputs(bare, splits.info.columns)[1], inputs)


def test_columns_are_found_by_name_and_a_new_word_is_none_of_the_known(file, tmp_path):
    columns = kerasdl.data.load(file, target="kind").info.columns
    rows = tmp_path / "rows.csv"
    rows.write_text("stars,price,height,colour\n\n1,2,3,red\n1,2,3,pink\n")
    lines, inputs = read_inputs(rows, columns)
    mean, deviation = (np.array(getattr(columns[1], name)) for name in ("mean", "deviation"))
    colours = inputs[:, 1:4] * deviation + mean
    assert lines == [3, 4]
    np.testing.assert_allclose(colours, [[0, 0, 1], [0, 0, 0]], atol=1e-6)
    height = columns[0]
    np.testing.assert_allclose(inputs[:, 0], (3 - height.mean[0]) / height.deviation[0], rtol=1e-6)
    assert str(height) == f"(height - {height.mean[0]:.6g}) / {height.deviation[0]:.6g}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("height,colour,price\n1,red,2", "line 1 of `.*`.*stars. Received: no `stars`"),
        ("height,colour,price,stars,age\n1,red,2,3,4", "line 1 of .* Received: also `age`"),
        ("height,colour,price,price\n1,red,2,3", "one column of a name.*two `price`"),
        ("height,colour,price,stars\n1,red,2", "line 2 of .* 4 values"),
        ("height,colour,price,stars\n1,red,2,3\n\n1,red,,3", "line 4 of .* column `price`"),
        ("height,colour,price,stars\n1,red,nan,3", "line 2 of .* column `price`.* nan"),
        ("height,colour,price,stars\n1,red,1e39,3", "line 2 of .* column `price`.* 1e39"),
    ],
)
def test_a_bad_row_to_predict_is_named(file, tmp_path, text, message):
    columns = kerasdl.data.load(file, target="kind").info.columns
    rows = tmp_path / "rows.csv"
    rows.write_text(text)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_inputs(rows, columns, "kind")
    assert "rows.csv" in str(caught.value) and "\n" not in str(caught.value)
