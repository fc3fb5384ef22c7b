"""Text files of users: windows, vocabularies, and invalid bytes."""

import pytest

import kerasdl.data
from kerasdl.data.readers import text
from kerasdl.errors import InvalidInput


def test_a_text_is_read_in_windows(tmp_path):
    file = tmp_path / "story.txt"
    file.write_text("once upon a time there was a žluťoučký kůň. " * 100, encoding="utf-8")
    splits = kerasdl.data.load(str(file), context=16, batch_size=8)
    assert splits.info.task == "text"
    assert "ž" in splits.info.vocabulary
    inputs, targets = next(splits.train.as_numpy_iterator())
    assert inputs.shape == (8, 16)
    assert (inputs[:, 1:] == targets[:, :-1]).all()
    words = kerasdl.data.load(str(file), context=4, tokens="words").info.vocabulary
    assert "time" in words


@pytest.mark.parametrize("content", [b"", b"too short", b"\xff\xfe\x00 not utf-8" * 500])
def test_files_that_are_not_text_are_named(tmp_path, content):
    file = tmp_path / "story.txt"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"story\.txt"):
        kerasdl.data.load(str(file), context=16)


def test_bytes_that_are_not_utf8_are_named_and_can_be_skipped(tmp_path):
    file = tmp_path / "story.txt"
    text = "first line: žluť\r\nsecond line. " * 50
    content = text.encode()
    place = content.index(b"second")
    file.write_bytes(content[:place] + b"\xff" + content[place:] + b"\xfe end")
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(file, context=8)
    assert f"line 2 of `{file}`" in str(caught.value)
    assert rf"byte {place}, b'\xff' (1 more like it; --skip-bad" in str(caught.value)
    info = kerasdl.data.load(file, context=8, skip_bad=True).info
    assert info.skipped.reasons == {"not UTF-8": 2}
    assert info.skipped.total == len(content) + 6
    file.write_bytes(content + b" end")
    assert kerasdl.data.load(file, context=8).info.counts == info.counts


def test_many_invalid_bytes_are_counted(tmp_path):
    file = tmp_path / "story.txt"
    file.write_bytes(b"\xff" * 100_000)
    with pytest.raises(InvalidInput, match=r"byte 0, b'\\xff' \(99,999 more like it"):
        kerasdl.data.load(file)
    with pytest.raises(InvalidInput, match="100,000 of 100,000"):
        kerasdl.data.load(file, skip_bad=True)


def test_places_of_invalid_bytes_are_counted_in_bytes_and_lines(tmp_path):
    file = tmp_path / "story.txt"
    content = "ž\n".encode() * 2 + b"ab\xff\n\xfe" + b"cd\n" * 100
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        text.read(file, 0, context=2)
    assert str(caught.value) == (
        f"Invalid line 3 of `{file}`. Expected text in UTF-8. Received: byte 8, b'\\xff' "
        "(1 more like it; --skip-bad, `skip_bad=True`, leaves them out)"
    )
    skipped = text.read(file, 0, context=2, skip_bad=True).skipped
    assert (skipped.count, skipped.total) == (2, len(content))
    assert skipped.reasons == {"not UTF-8": 2} and skipped.places == ("byte 8", "byte 10")


def test_only_the_first_invalid_bytes_are_kept(tmp_path):
    file = tmp_path / "story.txt"
    file.write_bytes(b"abcd " * 100 + b"\xff" * 7)
    skipped = text.read(file, 0, context=2, skip_bad=True).skipped
    assert skipped.count == 7 and skipped.places == tuple(f"byte {500 + i}" for i in range(5))
    file.write_bytes(b"abcd " * 100 + b"\xff" * 5)
    assert text.read(file, 0, context=2, skip_bad=True).skipped.count == 5


def test_line_ends_of_all_systems_become_one(tmp_path):
    file = tmp_path / "story.txt"
    file.write_bytes(b"one\r\ntwo\rthree\n" * 30)
    vocabulary = text.read(file, 0, context=4).vocabulary
    assert "\n" in vocabulary and "\r" not in vocabulary
    source = text.read(file, 0, context=14, stride=15)
    read = "".join(source.vocabulary[token] for token in source.train.inputs[0])
    assert read == "one\ntwo\nthree\n"


def test_options_go_to_the_language_model(tmp_path):
    file = tmp_path / "story.txt"
    file.write_text("one two three four " * 600, encoding="utf-8")
    source = text.read(file, 0)
    assert source.train.inputs.shape[1] == 128  # characters
    assert (
        source.train.inputs[1].tolist()
        == source.train.inputs[0].tolist()[64:] + (source.train.inputs[2].tolist()[:64])
    )
    words = text.read(file, 0, tokens="words", context=3, words=3)
    assert len(words.vocabulary) == 3
    with pytest.raises(InvalidInput, match=rf"^Invalid file `{file}`. Expected more than 50010"):
        text.read(file, 0, context=5000)
