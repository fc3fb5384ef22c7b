"""CoNLL files of users: sentences, columns, and lines that cannot be read."""

import numpy as np
import pytest

import kerasdl.data
from kerasdl.errors import InvalidInput

SENTENCES = 30
TEXT = "-DOCSTART- O\n\n" + "".join(
    f"Word{i} NNP B-PER\nlives VBZ O\nin IN O\nRome NNP B-LOC\n\n" for i in range(SENTENCES)
)


@pytest.mark.parametrize(
    ("separator", "end"), [(" ", "\n"), ("\t", "\n"), ("   ", "\n"), (" ", "\r\n"), (" ", "\n \n")]
)
def test_sentences_are_read_with_the_last_column_as_tags(tmp_path, separator, end):
    file = tmp_path / "names.conll"
    text = TEXT.replace(" ", separator)
    text = text.replace("\n\n", f"\n{end}") if "\n " in end else text.replace("\n", end)
    file.write_bytes(text.encode())
    splits = kerasdl.data.load(str(file), batch_size=100)
    assert splits.info.task == "word_tags"
    assert splits.info.classes == ("B-LOC", "B-PER", "O")
    assert splits.info.counts == {"train": 24, "validation": 3, "test": 3}
    words, tags = next(splits.train.as_numpy_iterator())
    vocabulary = splits.info.vocabulary
    for sentence, row in zip(words, tags, strict=True):
        assert [vocabulary[w] for w in sentence[1:]] == ["lives", "in", "Rome"]
        assert [splits.info.classes[t] for t in row] == ["B-PER", "O", "O", "B-LOC"]
    words, _ = next(splits.test.as_numpy_iterator())
    assert (words[:, 0] == 1).all()  # names that the training split lacks


def test_columns_and_the_case_may_be_chosen(tmp_path):
    file = tmp_path / "names.conll"
    file.write_text(TEXT.replace("-DOCSTART- O\n", ""), encoding="utf-8")
    info = kerasdl.data.load(str(file), tag=1, lower=True).info
    assert info.classes == ("IN", "NNP", "VBZ")
    assert "rome" in info.vocabulary and "Rome" not in info.vocabulary


def test_conllu_files_have_words_and_parts_of_speech(tmp_path):
    lines = "# text = du coup\n1-2\tdu\t_\t_\n1\tde\tde\tADP\n2\tle\tle\tDET\n3\tcoup\tcoup\tNOUN\n"
    file = tmp_path / "treebank.conllu"
    file.write_text((lines + "\n") * 20, encoding="utf-8")
    splits = kerasdl.data.load(str(file))
    assert splits.info.classes == ("ADP", "DET", "NOUN")
    assert splits.info.shape == (3,)


def test_longer_sentences_are_divided_and_shorter_ones_padded(tmp_path):
    file = tmp_path / "names.conll"
    file.write_text("a X\n\n" * 10 + ("b Y\n" * 5 + "\n") * 10, encoding="utf-8")
    splits = kerasdl.data.load(str(file), context=3, batch_size=100, validation=0, test=0.5)
    words, tags = next(splits.train.as_numpy_iterator())
    assert words.shape[1] == 3
    np.testing.assert_array_equal(words == 0, tags == -1)
    lengths = (words > 0).sum(axis=1).tolist()
    assert set(lengths) == {1, 2, 3} and lengths.count(2) == lengths.count(3)


BAD = "Rome B-LOC\nlonely\n\nand O\n\n"


def test_a_line_without_a_tag_is_named_and_its_sentence_can_be_skipped(tmp_path):
    file = tmp_path / "names.conll"
    file.write_text(BAD + "Rome B-LOC\nis O\n\n" * 20, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(str(file))
    message = str(caught.value)
    assert f"Invalid line 2 of `{file}`. Expected a word and its tag, 2 columns or more" in message
    assert "Received: 'lonely' (--skip-bad" in message and "\n" not in message
    info = kerasdl.data.load(str(file), skip_bad=True).info
    assert str(info.skipped) == "skipped 1 of 22: no tag 1 (line 2)"
    assert sum(info.counts.values()) == 21


def test_bytes_that_are_not_utf8_are_named(tmp_path):
    file = tmp_path / "names.conll"
    file.write_bytes(TEXT.encode() + b"K\xf6ln LOC B-LOC\n")
    with pytest.raises(InvalidInput, match=r"line 153 of .*text in UTF-8.*K\\xf6ln"):
        kerasdl.data.load(str(file))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, r"names\.conll`. Expected lines of a word and its tag.*Received: no sentence"),
        ("\n\n", {}, "no sentence"),
        ("a X\n\nb X\n\n", {}, "enough sentences to train and test"),
        ("a X\n\n" * 30, {}, r"tags of .*at least two.*Received: X"),
        (TEXT, {"tag": 7}, r"line 3 of .*8 columns"),
        (TEXT, {"tag": 0}, "another column than that of words"),
        (TEXT, {"tag": "NER"}, r"`tag`.*an integer"),
        (TEXT, {"context": 0}, "`context`"),
        (TEXT, {"validation": 1.5}, "`validation`"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(tmp_path, content, options, message):
    file = tmp_path / "names.conll"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message) as caught:
        kerasdl.data.load(str(file), **options)
    assert "\n" not in str(caught.value)
