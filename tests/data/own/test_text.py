"""Texts of the user's."""

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
def test_what_is_no_text_is_refused_by_name(tmp_path, content):
    file = tmp_path / "story.txt"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"story\.txt"):
        kerasdl.data.load(str(file), context=16)
