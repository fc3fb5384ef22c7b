"""Atomic files: whole or not at all, also in the place of what a kill left."""

import pytest

from kerasdl.utils import files


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    with files.atomic(path) as partial:
        partial.write_text("one")
        assert not path.exists() and partial.suffix == ".txt"
    assert path.read_text() == "one" and [f.name for f in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail():
        with files.atomic(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "before" and [f.name for f in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_not_written_into_what_a_kill_left(tmp_path):
    left = tmp_path / "partial-model"
    left.mkdir()
    (left / "old").touch()
    with files.atomic(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert [f.name for f in (tmp_path / "model").iterdir()] == ["new"]


@pytest.mark.parametrize(
    "text", ["猫" * 85, "a" * 255, "é" * 127, "\udcff", "", "/", "a\n", "." * 9]
)
def test_a_safe_name_can_be_written(text, tmp_path):
    name = files.safe_name(text)
    assert name != files.safe_name(f"{text}b") and "/" not in name
    path = tmp_path / f"{name}.png"
    with files.atomic(path) as partial:
        partial.write_text("x")
    assert path.read_text() == "x"
