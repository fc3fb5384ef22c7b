"""Tables: tasks of targets, encoding of columns, and errors that name the bad line."""

import datetime
import time

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data import columns
from kerasdl.data.readers.table import read_inputs
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


def test_words_become_classes_and_one_hot_columns(file):
    splits = kerasdl.data.load(file, target="kind", batch_size=100)
    assert splits.info.task == "classification"
    assert splits.info.classes == ("cat", "dog")
    assert splits.info.shape == (6,)  # height, three colours, price, stars
    inputs, labels = next(splits.train.as_numpy_iterator())
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=1e-5)
    assert np.bincount(labels).tolist() == [35, 35]
    assert splits.info.counts == {"train": 70, "validation": 10, "test": 20}


def test_few_different_integers_become_classes(file):
    info = kerasdl.data.load(file, target="stars").info
    assert info.classes == ("0", "1", "2", "3", "4")


def test_numbers_become_a_standardized_regression_target(file):
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
        ("3,red,,1,2", ("line 103 of", "a value for column `kind`")),
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
def test_a_missing_target_is_refused_with_the_names_of_the_columns(file, target):
    options = {"target": target} if target else {}
    with pytest.raises(InvalidInput, match=r"height, colour, kind, price, stars\. Received: "):
        kerasdl.data.load(file, **options)


def test_files_that_are_not_tables_are_refused(tmp_path):
    file = tmp_path / "x.csv"
    for content in (b"", b"a,b\n", b"a,b\n\xff\xfe,1\n"):
        file.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"x\.csv"):
            kerasdl.data.load(file, target="a")


def without(path, place, column):
    """Copy a table without one column."""
    rows = [line.split(",") for line in path.read_text().split()]
    place.write_text("\n".join(",".join(row[:column] + row[column + 1 :]) for row in rows))
    return place


def test_rows_to_predict_are_encoded_as_in_training(file, tmp_path):
    file.write_text(file.read_text().replace(", ", ","))
    splits = kerasdl.data.load(file, target="kind", batch_size=100)
    lines, inputs = read_inputs(file, splits.info.columns, "kind")
    assert lines == list(range(2, 102))
    seen = [next(part.as_numpy_iterator())[0] for part in (splits.train, splits.test)]
    for row in np.concatenate(seen):
        assert (row == inputs).all(axis=1).any()
    bare = without(file, tmp_path / "bare.csv", 2)
    np.testing.assert_array_equal(read_inputs(bare, splits.info.columns)[1], inputs)


def test_columns_are_found_by_name_and_an_unknown_word_is_all_zeros(file, tmp_path):
    fitted = kerasdl.data.load(file, target="kind").info.columns
    rows = tmp_path / "rows.csv"
    rows.write_text("stars,price,height,colour\n\n1,2,3,red\n1,2,3,pink\n")
    lines, inputs = read_inputs(rows, fitted)
    mean, deviation = (np.array(getattr(fitted[1], name)) for name in ("mean", "deviation"))
    colours = inputs[:, 1:4] * deviation + mean
    assert lines == [3, 4]
    np.testing.assert_allclose(colours, [[0, 0, 1], [0, 0, 0]], atol=1e-6)
    height = fitted[0]
    np.testing.assert_allclose(inputs[:, 0], (3 - height.mean[0]) / height.deviation[0], rtol=1e-6)
    assert str(height) == f"(height - {height.mean[0]:.6g}) / {height.deviation[0]:.6g}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("height,colour,price\n1,red,2", "line 1 of `.*`.*stars. Received: no `stars`"),
        ("height,colour,price,stars,age\n1,red,2,3,4", "line 1 of .* Received: also `age`"),
        ("height,colour,price,price\n1,red,2,3", "one column of a name.*two `price`"),
        ("height,colour,price,stars\n1,red,2", "line 2 of .* 4 values"),
        ("height,colour,price,stars\n1,red,2,3\n\n1,red,low,3", "line 4 of .* column `price`"),
        ("height,colour,price,stars\n1,red,1e39,3", "line 2 of .* column `price`.* 1e39"),
    ],
)
def test_a_bad_row_to_predict_is_named(file, tmp_path, text, message):
    fitted = kerasdl.data.load(file, target="kind").info.columns
    rows = tmp_path / "rows.csv"
    rows.write_text(text)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_inputs(rows, fitted, "kind")
    assert "rows.csv" in str(caught.value) and "\n" not in str(caught.value)


def flawed(file):
    """Append six bad lines to the file; return its content before."""
    lines = [b"1,2", b"3,red,,4,2", b"tall,red,cat,1,2", b"3,red,NaN,1,2", b"inf,red,cat,1,2"]
    good = file.read_bytes().rstrip() + b"\n"
    file.write_bytes(good + b"\n".join([*lines, b"3,gr\xfcn,cat,1,2"]) + b"\n")
    return good


def test_bad_lines_are_counted_and_can_be_skipped(file):
    good = flawed(file)
    with pytest.raises(InvalidInput, match=r"line 102 of .*: 2.*\(3 more like it; --skip-bad"):
        kerasdl.data.load(file, target="kind")
    splits = kerasdl.data.load(file, target="kind", skip_bad=True)
    reasons = {"ragged line": 1, "missing value": 2, "not UTF-8": 1, "no number": 2}
    assert splits.info.skipped.reasons == reasons
    assert splits.info.skipped.total == 106
    assert splits.info.skipped.places[0] == "line 102"
    file.write_bytes(good)
    whole = kerasdl.data.load(file, target="kind")
    assert whole.info.skipped is None
    for (a, b), (c, d) in zip(splits.train, whole.train, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_line_numbers_count_line_breaks_in_cells(tmp_path):
    file = tmp_path / "x.csv"
    rows = [f'"a\nb",{i % 2}' for i in range(50)]
    file.write_text("\n".join(["word,kind", *rows, "c"]))
    with pytest.raises(InvalidInput, match=r"line 102 of .* 2 values"):
        kerasdl.data.load(file, target="kind")


def test_other_encodings_are_named(file):
    text = file.read_text()
    file.write_text(text, encoding="utf-16")
    with pytest.raises(InvalidInput, match=r"in UTF-8. Received: UTF-16"):
        kerasdl.data.load(file, target="kind")
    file.write_text(text.replace("red", "grün"), encoding="latin-1")
    with pytest.raises(InvalidInput, match=r"line 2 of .* UTF-8. Received: b'gr\\xfcn'"):
        kerasdl.data.load(file, target="kind")
    file.write_text(text.replace("height", "größe"), encoding="latin-1")
    with pytest.raises(InvalidInput, match=r"line 1 of .* UTF-8"):
        kerasdl.data.load(file, target="kind")
    file.write_text(text, encoding="utf-8-sig")
    assert kerasdl.data.load(file, target="kind").info.columns[0].name == "height"


def test_a_class_of_one_line_is_in_the_training_split(file):
    file.write_text(file.read_text().rstrip() + "\n3,red,emu,1,2\n")
    splits = kerasdl.data.load(file, target="kind", batch_size=200)
    assert splits.info.classes == ("cat", "dog", "emu")
    _, labels = next(splits.train.as_numpy_iterator())
    assert np.bincount(labels).tolist() == [35, 35, 1]


def test_rows_to_predict_may_have_no_target(file, tmp_path):
    fitted = kerasdl.data.load(file, target="kind").info.columns
    rows = tmp_path / "rows.csv"
    rows.write_text("height,colour,kind,price,stars\n1,red,,2,3\n1,red,unicorn,2,3\n")
    lines, inputs = read_inputs(rows, fitted, "kind")
    assert lines == [2, 3] and inputs.shape == (2, 6)


def test_too_few_lines_to_test_are_an_error(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,0\n2,1\n")
    with pytest.raises(InvalidInput, match=r"enough lines to train and to test. Received: 2 lines"):
        kerasdl.data.load(file, target="b")


def test_many_columns_take_little_time(tmp_path):
    file, width = tmp_path / "x.csv", 20_000
    lines = [",".join(f"c{i}" for i in range(width))]
    lines += [",".join(str(row * i % 7) for i in range(width)) for row in range(30)]
    file.write_text("\n".join(lines))
    start = time.process_time()
    info = kerasdl.data.load(file, target="c1", test=0.3).info
    assert info.shape == (width - 1,)
    with pytest.raises(InvalidInput, match=r"c0, .* and 19,980 more. Received: x$"):
        kerasdl.data.load(file, target="x")
    read_inputs(file, info.columns, "c1")
    # 4 to 10 seconds, by the processor; a step for each pair of columns would take minutes
    assert time.process_time() - start < 20


def test_columns_of_many_words_are_not_one_hot(tmp_path):
    file = tmp_path / "x.csv"
    rows = [f"word{i},street {i % 3000},{i % 2},{i % 3}" for i in range(20_000)]
    file.write_text("\n".join(["name,street,kind,size", *rows]))
    info = kerasdl.data.load(file, target="kind").info
    name, street, size = info.columns
    assert (name.kind, street.kind, size.kind) == ("dropped", "hashed", "number")
    assert info.shape == (columns.BUCKETS + 1,)
    assert "not used: name (each value is different)" in info.notes
    file.write_text("\n".join(["name,kind", *[f"{i}x,{i % 2}" for i in range(100)]]))
    with pytest.raises(InvalidInput, match=r"one that can be used. Received: name \(each value"):
        kerasdl.data.load(file, target="kind")


def test_a_very_long_word_takes_no_more_memory(tmp_path):
    file = tmp_path / "x.csv"
    rows = [f"{'red' if i else 'x' * 100_000},{i % 2}" for i in range(5000)]
    file.write_text("\n".join(["colour,kind", *rows]))
    assert kerasdl.data.load(file, target="kind").info.counts["train"] == 3500


def houses(noise=10.0, seed=0):
    """Return a table of 600 houses with blanks, words and dates.

    The price is not a linear function of the age, and the town multiplies that of the area.
    """
    rng = np.random.default_rng(seed)
    area, age, day = rng.uniform(30, 180, 600), rng.uniform(0, 80, 600), rng.integers(0, 1095, 600)
    rooms = np.clip(np.round(area / 30 + rng.normal(0, 0.7, 600)), 1, 7)
    town, heating = rng.integers(0, 4, 600), rng.integers(0, 3, 600)
    price = area * np.array([1.0, 1.4, 1.8, 0.7])[town] + np.array([0, -10, 15])[heating]
    price += 40 * (age < 15) + 40 * ((age - 40) / 40) ** 2 + 0.03 * day + 4 * rooms
    price += rng.normal(0, noise, 600)

    def blanks(values, fraction, word=""):
        drawn = rng.random(600) < fraction
        return [word if blank else value for value, blank in zip(values, drawn, strict=True)]

    start = datetime.date(2021, 1, 1)
    return {
        "area": [f"{value:.1f}" for value in area],
        "rooms": blanks([str(int(value)) for value in rooms], 0.1),
        "age": blanks([f"{value:.1f}" for value in age], 0.05, "NA"),
        "town": [("Bonn", "Rome", "Oslo", "Lyon")[i] for i in town],
        "heating": blanks([("gas", "oil", "pump")[i] for i in heating], 0.15),
        "sold": [str(start + datetime.timedelta(int(value))) for value in day],
        "price": [f"{value:.2f}" for value in price],
    }


def written(table, file):
    rows = zip(*table.values(), strict=True)
    file.write_text("\n".join(map(",".join, [table, *rows])))
    return file


def test_no_row_is_lost_and_the_notes_say_what_became_of_each_column(tmp_path):
    file = written(houses(), tmp_path / "houses.csv")
    info = kerasdl.data.load(file, target="price").info
    assert sum(info.counts.values()) == 600 and info.skipped is None
    assert info.notes == (
        "numbers, standardized: area, rooms (blanks marked), age (blanks marked)",
        "dates, as days, year, month, day, weekday, hour and season: sold (ISO8601)",
        "words, one-hot encoded: town (4 words), heating (3 words and blanks)",
    )
    lines, inputs = read_inputs(file, info.columns, "price")
    assert lines == list(range(2, 602)) and np.isfinite(inputs).all()


def test_statistics_come_from_the_training_rows_alone(tmp_path):
    table = houses()
    file = written(table, tmp_path / "houses.csv")
    before = kerasdl.data.load(file, target="price", batch_size=600)
    seen, _ = next(before.train.as_numpy_iterator())
    _, inputs = read_inputs(file, before.info.columns, "price")
    trained = {row.tobytes() for row in seen}
    others = [row for row, line in enumerate(inputs) if line.tobytes() not in trained]
    assert len(others) == 180
    for row in others:
        table["area"][row], table["town"][row], table["sold"][row] = "1e6", "Paris", "1999-01-01"
    after = kerasdl.data.load(written(table, file), target="price").info
    assert after.columns == before.info.columns and after.target_scale == before.info.target_scale


def test_option_task_decides_what_integers_are(file):
    for target, task, note in (
        ("stars", None, "5 different integers, taken as classes (task='regression' if not)"),
        ("stars", "regression", None),
        ("height", None, None),
    ):
        options = {"task": task} if task else {}
        info = kerasdl.data.load(file, target=target, **options).info
        assert info.task == (task or ("classification" if target == "stars" else "regression"))
        named = [line for line in info.notes if line.startswith("target")]
        assert named == ([f"target `{target}`: {note}"] if note else [])
    with pytest.raises(InvalidInput, match=r"numbers, for task='regression'. Received: `cat`"):
        kerasdl.data.load(file, target="kind", task="regression")
    with pytest.raises(InvalidInput, match=r"`task`. Expected one of classification, regression"):
        kerasdl.data.load(file, target="kind", task="boxes")


def test_several_columns_are_predicted_together(file, tmp_path):
    splits = kerasdl.data.load(file, target="price, height", batch_size=100)
    info = splits.info
    assert info.task == "regression" and info.outputs == ("price", "height")
    assert {column.name for column in info.columns} == {"colour", "kind", "stars"}
    _, targets = next(splits.train.as_numpy_iterator())
    np.testing.assert_allclose(targets.mean(axis=0), 0, atol=1e-5)
    mean, deviation = info.target_scale
    assert 4 < mean[0] < 6 < 8 > mean[1] > 4 and deviation[1] == pytest.approx(2, rel=0.3)
    rows = tmp_path / "rows.csv"
    rows.write_text("colour,kind,stars,height\nred,cat,3,\n")
    assert read_inputs(rows, info.columns, info.target)[1].shape == (1, info.shape[0])
    for target, message in (
        ("price,kind", "one column, or several of numbers. Received: words in column `kind`"),
        ("price,weight", r"to be one of the columns .*Received: price,weight"),
        ("price,height,colour,kind,stars", "a column besides the target"),
    ):
        with pytest.raises(InvalidInput, match=message):
            kerasdl.data.load(file, target=target)


def test_columns_of_zeros_and_ones_and_words_with_semicolons_are_tags(tmp_path):
    lines = ["size,red,big,tags", *(f"{i},{i % 2},{i % 3 // 2},red;  big" for i in range(30))]
    lines += [f"{i},0,1,big" for i in range(30, 60)]
    file = tmp_path / "tags.csv"
    file.write_text("\n".join(lines))
    splits = kerasdl.data.load(file, target="red,big", batch_size=100)
    assert splits.info.task == "tags" and splits.info.classes == ("red", "big")
    assert splits.info.notes[0].startswith("targets: 2 columns of zeros and ones, taken as tags")
    assert kerasdl.data.load(file, target="red,big", task="regression").info.outputs
    splits = kerasdl.data.load(file, target="tags", batch_size=100)
    assert splits.info.task == "tags" and splits.info.classes == ("big", "red")
    assert next(splits.train.as_numpy_iterator())[1].mean(axis=0)[0] == 1
    info = kerasdl.data.load(file, target="tags", task="classification").info
    assert info.classes == ("big", "red;  big")
    with pytest.raises(InvalidInput, match=r"zeros and ones, for task='tags'"):
        kerasdl.data.load(file, target="size,red", task="tags")


def test_a_network_beats_ridge_on_a_table_with_blanks_words_and_dates(tmp_path):
    file = written(houses(), tmp_path / "houses.csv")
    recipe = kerasdl.recipes.get("mlp").replace(data=str(file), data_options={"target": "price"})
    run = recipe.run(tmp_path / "run", progress=False, pictures=False)
    baselines = {name: values["r2"] for name, values in run.metrics["baselines"].items()}
    assert baselines["ridge"] < 0.88 < 0.94 < baselines["boosted trees"]
    assert run.metrics["test"]["r2"] >= 0.9
    assert run.metrics["test"]["mae"] < 0.4 * run.metrics["baselines"]["mean"]["mae"]
    opened = kerasdl.recipes.open(run.path)
    assert opened.info.columns == run.load_data().info.columns and opened.info.notes
    blank = tmp_path / "blank.csv"
    blank.write_text("town,age,area,sold,rooms,heating\nRome,,,,,\n,5,90,2022-05-01,NA,coal\n")
    rows = opened.predict([str(blank)])
    assert [row["line"] for row in rows] == [2, 3] and all(0 < row["value"] < 400 for row in rows)
    blank.write_text("town,age,area,sold,rooms,heating\nRome,1,2,soon,3,gas\n")
    with pytest.raises(InvalidInput, match=r"line 2 of .* a date for column `sold`.* soon"):
        opened.predict([str(blank)])


@pytest.mark.parametrize("number", ["1_0", "\u0663", " 3", "0x1p3", "1e-400", "infinity", "1d2"])
def test_numbers_are_those_that_python_parses(tmp_path, number):
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["a,b", *[f"{i},{i % 2}" for i in range(60)], f"{number},1"]))
    try:
        holds = abs(float(number)) < 1e38
    except ValueError:
        holds = False
    if holds:
        assert sum(kerasdl.data.load(file, target="b").info.counts.values()) == 61
    else:
        with pytest.raises(InvalidInput, match="a number for column `a`"):
            kerasdl.data.load(file, target="b")


def test_many_bad_lines_are_counted(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n" + "1\n" * 100_000)
    with pytest.raises(InvalidInput, match=r"line 2 of .*\(99,999 more like it"):
        kerasdl.data.load(file, target="b")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found_in_the_first_line(file, tmp_path, separator):
    expected = kerasdl.data.load(file, target="kind").info
    other = tmp_path / "other.csv"
    text = file.read_text()
    decimal = "," if separator == ";" else "."
    other.write_text(text.replace(",", separator).replace(".", decimal))
    info = kerasdl.data.load(other, target="kind").info
    assert (info.columns, info.counts) == (expected.columns, expected.counts)
    _, inputs = read_inputs(other, info.columns, "kind")
    np.testing.assert_array_equal(inputs, read_inputs(file, info.columns, "kind")[1])


def test_tsv_and_parquet_files_are_tables(file, tmp_path):
    import pandas as pd

    expected = kerasdl.data.load(file, target="kind").info
    frame = pd.read_csv(file, skipinitialspace=True)
    frame.to_csv(tmp_path / "pets.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "pets.parquet")
    for name in ("pets.tsv", "pets.parquet"):
        info = kerasdl.data.load(tmp_path / name, target="kind").info
        assert info.columns == expected.columns
        assert read_inputs(tmp_path / name, info.columns, "kind")[1].shape == (100, 6)
    for content in (b"", b"PAR1 and no more"):
        (tmp_path / "pets.parquet").write_bytes(content)
        with pytest.raises(InvalidInput, match=r"pets.parquet`. Expected a table in Parquet"):
            kerasdl.data.load(tmp_path / "pets.parquet", target="kind")


def test_another_file_is_the_validation_split(file, tmp_path):
    other = tmp_path / "more.csv"
    other.write_text("kind,stars,price,colour,height\ndog,2,4.5,green,\ncat,0,7.25,pink,5.5\n")
    splits = kerasdl.data.load(file, target="kind", validation=other)
    assert splits.info.counts == {"train": 80, "validation": 2, "test": 20}
    inputs, labels = next(splits.validation.as_numpy_iterator())
    assert labels.tolist() == [1, 0]
    _, expected = read_inputs(other, splits.info.columns, "kind")
    np.testing.assert_array_equal(inputs, expected)

    splits = kerasdl.data.load(file, target="price", validation=other)
    mean, deviation = splits.info.target_scale
    _, prices = next(splits.validation.as_numpy_iterator())
    np.testing.assert_allclose(prices[:, 0] * deviation + mean, [4.5, 7.25], rtol=1e-5)

    splits = kerasdl.data.load(file, target="stars", validation=str(other))
    assert next(splits.validation.as_numpy_iterator())[1].tolist() == [2, 0]


@pytest.mark.parametrize("target", ["tags", "red,large"])
def test_another_file_validates_tags(target, tmp_path):
    kinds = ("red", "large", "red; large")
    rows = [f"{i / 10},{kinds[i % 3]},{i % 2},{(i + 1) % 2}" for i in range(40)]
    file, other = tmp_path / "all.csv", tmp_path / "more.csv"
    file.write_text("\n".join(["x,tags,red,large", *rows]))
    other.write_text("x,tags,red,large\n1.5,large,0,1\n2.5,large; red,1,1\n")
    splits = kerasdl.data.load(file, target=target, validation=other)
    _, tags = next(splits.validation.as_numpy_iterator())
    order = [splits.info.classes.index(name) for name in ("red", "large")]
    assert tags[:, order].tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,stars,price,height\ncat,1,2,3\n", "line 1 of .*Received: no `colour`"),
        ("kind,stars,price,colour,height,age\ncat,1,2,red,3,4\n", "Received: also `age`"),
        ("kind,stars,price,colour,height\n,1,2,red,3\n", "line 2 of .* value for column `kind`"),
        ("kind,stars,price,colour,height\ncow,1,2,red,3\n", "one of cat, dog for.*Received: cow"),
        ("kind,stars,price,colour,height\ncat,1,2,red,tall\n", "a number for column `height`"),
    ],
)
def test_a_validation_file_with_other_columns_or_classes_is_refused(text, message, file, tmp_path):
    other = tmp_path / "more.csv"
    other.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        kerasdl.data.load(file, target="kind", validation=other)
    with pytest.raises(InvalidInput, match=r"a fraction, or a \.csv, \.tsv or \.parquet file"):
        kerasdl.data.load(file, target="kind", validation=tmp_path)
