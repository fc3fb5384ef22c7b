"""Atomic writes: files are complete or absent, even if a killed process left a part."""

import pytest

from kerasdl.utils import files


def test_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    with files.atomic(path) as partial:
        partial.write_text("one")
        assert not path.exists() and partial.suffix == ".txt"
    assert path.read_text() == "one" and [f.name for f in tmp_path.iterdir()] == ["a.txt"]


def test_failed_write_keeps_the_previous_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail():
        with files.atomic(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "before" and [f.name for f in tmp_path.iterdir()] == ["a.txt"]


def test_partial_folder_of_a_killed_process_is_not_reused(tmp_path):
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
def test_safe_name_is_a_valid_file_name(text, tmp_path):
    name = files.safe_name(text)
    assert name != files.safe_name(f"{text}b") and "/" not in name
    path = tmp_path / f"{name}.png"
    with files.atomic(path) as partial:
        partial.write_text("x")
    assert path.read_text() == "x"
