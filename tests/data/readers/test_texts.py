"""Texts of users with a class each: folders of .txt files, and columns of tables."""

import pytest

import kerasdl.data
from kerasdl.errors import InvalidInput

GOOD, BAD = "It wasn't bad at all, I liked it!", "What a bore."


def write_folder(folder, count=20):
    for name, text in (("pos", GOOD), ("neg", BAD)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i}.txt").write_text(f"{text} {i}", encoding="utf-8")
    return folder


def first(splits):
    """Return the words and the class of the first training text."""
    inputs, labels = next(splits.train.as_numpy_iterator())
    words = [splits.info.vocabulary[token] for token in inputs[0] if token > 1]
    return words, splits.info.classes[labels[0]]


def check(splits):
    assert splits.info.task == "classification"
    assert splits.info.classes == ("neg", "pos")
    words, label = first(splits)
    start = ["it", "wasn't", "bad", "at"] if label == "pos" else ["what", "a", "bore", "."]
    assert words[:4] == start


def test_folders_of_texts_are_read_by_class(tmp_path):
    splits = kerasdl.data.load(str(write_folder(tmp_path / "reviews")))
    check(splits)
    assert splits.info.counts == {"train": 32, "validation": 4, "test": 4}


def test_folders_of_splits_are_kept(tmp_path):
    write_folder(tmp_path / "reviews" / "train")
    write_folder(tmp_path / "reviews" / "test", 5)
    splits = kerasdl.data.load(str(tmp_path / "reviews"), context=6)
    check(splits)
    assert splits.info.counts == {"train": 36, "validation": 4, "test": 10}
    assert splits.info.shape == (6,)


def test_a_column_of_a_table_is_read_as_texts(tmp_path):
    file = tmp_path / "reviews.csv"
    rows = [f'{i},"{GOOD}",pos\n{i},"{BAD}",neg\n' for i in range(20)]
    file.write_text("id,comment,label\n" + "".join(rows), encoding="utf-8")
    splits = kerasdl.data.load(str(file), target="label", task="text")
    check(splits)
    assert splits.info.notes == ("texts: column `comment`",)
    with pytest.raises(InvalidInput, match="one target and a column of texts"):
        kerasdl.data.load(str(file), target="id,label", task="text")


def test_files_that_cannot_be_used_are_named_and_can_be_skipped(tmp_path):
    folder = write_folder(tmp_path / "reviews")
    (folder / "pos" / "empty.txt").write_text("", encoding="utf-8")
    (folder / "pos" / "latin.txt").write_bytes("schön".encode("latin-1"))
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(str(folder))
    message = str(caught.value)
    assert "empty.txt`. Expected a text of at least one word in UTF-8" in message
    assert "1 more like it; --skip-bad" in message and "\n" not in message
    info = kerasdl.data.load(str(folder), skip_bad=True).info
    assert info.skipped.reasons == {"empty file": 1, "not UTF-8": 1}
    assert sum(info.counts.values()) == 40


def test_one_class_or_too_few_texts_are_refused(tmp_path):
    (tmp_path / "one" / "pos").mkdir(parents=True)
    (tmp_path / "one" / "pos" / "a.txt").write_text(GOOD, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"at least two classes\. Received: pos"):
        kerasdl.data.load(str(tmp_path / "one"))
    with pytest.raises(InvalidInput, match="enough texts to train and test"):
        kerasdl.data.load(str(write_folder(tmp_path / "few", 1)))
