"""Text files of users: windows, vocabularies, and invalid bytes."""

import pytest

import kerasdl.data
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
