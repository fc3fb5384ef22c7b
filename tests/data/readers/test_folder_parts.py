"""Folders of images: which classes and files belong to them, and whole messages."""

import numpy as np
import PIL.Image
import pytest

from kerasdl.data import bad_examples
from kerasdl.data.readers import folder as reader
from kerasdl.errors import InvalidInput


@pytest.fixture
def folder(tmp_path):
    """Five gray images of each of two classes."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(5):
            PIL.Image.new("L", (4, 4), number).save(tmp_path / name / f"{number}.png")
    return tmp_path


def message_of(function, *arguments):
    with pytest.raises(InvalidInput) as raised:
        function(*arguments)
    return str(raised.value)


def inspection():
    return bad_examples.Inspection(skip=True)


def test_classes_are_the_folders(folder):
    (folder / ".hidden").mkdir()
    (folder / "file").touch()
    assert reader._folders(folder) == ("a", "b")
    (folder / "single" / "one").mkdir(parents=True)
    assert message_of(reader._folders, folder / "single") == (
        f"Invalid folder `{folder / 'single'}`. Expected a folder for each of at least two "
        "classes. Received: ['one']"
    )
    assert message_of(reader._folders, folder / "a") == (
        f"Invalid folder `{folder / 'a'}`. Expected a folder for each of at least two classes. "
        "Received: no folder in it"
    )


def test_files_of_each_class_are_sorted_and_hidden_ones_left_out(folder):
    (folder / "a" / "deep").mkdir()
    for name in (".x.png", "notes.txt", "B.JPG", "deep/c.WebP"):
        (folder / "a" / name).touch()
    notes = inspection()
    files, labels = reader._files(folder, ("a", "b"), notes)
    names = [file.removeprefix(f"{folder}/") for file in files]
    a = [*(f"a/{number}.png" for number in range(5)), "a/B.JPG", "a/deep/c.WebP"]
    assert names == a + [f"b/{number}.png" for number in range(5)]
    assert labels.tolist() == [0] * 7 + [1] * 5 and labels.dtype == "int32" and not notes.found


def test_empty_and_unknown_classes_are_noted(folder):
    (folder / "empty").mkdir()
    notes = inspection()
    reader._files(folder, ("a", "empty"), notes)
    assert notes._reasons == {"empty class": 1, "unknown class": 1}
    (place, empty), (other, unknown) = notes._first
    assert place == str(folder / "empty") and other == str(folder / "b")
    assert empty == (
        f"class folder `{folder / 'empty'}`",
        "images (.jpg, .jpeg, .png, .gif, .bmp, .webp)",
        "none",
    )
    assert unknown == (
        f"class folder `{folder / 'b'}`",
        "one of the classes to train on, a, empty",
        "b",
    )


@pytest.mark.parametrize(
    ("mode", "gray"),
    [("1", True), ("L", True), ("I;16", True), ("RGB", False), ("P", False)],
)
def test_gray_images_are_recognized_by_their_header(mode, gray, tmp_path):
    PIL.Image.new(mode, (4, 4)).save(tmp_path / "x.png")
    notes = inspection()
    assert reader.is_gray(str(tmp_path / "x.png"), notes) is gray and not notes.found


def test_files_that_are_no_images_are_noted(tmp_path, monkeypatch):
    (tmp_path / "text.png").write_text("some text that is long")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    PIL.Image.new("L", (100, 100)).save(tmp_path / "huge.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 9000)
    expected = "a JPEG, PNG, GIF, BMP or WebP image"
    for name, reason, parts in (
        ("text", "unreadable image", (expected, "a file that starts with b'some text that i'")),
        ("empty", "empty file", (expected, "an empty file")),
        ("folder", "unreadable file", (expected, "Is a directory")),
        ("none", "unreadable file", (expected, "No such file or directory")),
        ("huge", "huge image", ("an image of at most 9,000 pixels", "more")),
    ):
        notes, file = inspection(), str(tmp_path / f"{name}.png")
        assert reader.is_gray(file, notes) is None
        assert notes._reasons == {reason: 1} and notes.found == {file}
        assert notes._first == [(file, (f"image file `{file}`", *parts))]


def test_classes_without_images_are_removed_and_the_others_renumbered():
    parts = {"train": (np.array(["x", "y"]), np.array([0, 3])), "test": (["z"], np.array([2]))}
    classes, left = reader._of_classes_left(("a", "b", "c", "d"), parts)
    assert classes == ("a", "c", "d")
    assert left["train"][1].tolist() == [0, 2] and left["test"][1].tolist() == [1]
    assert left["train"][1].dtype == "int32" and left["test"][0] == ["z"]


def test_too_few_images_are_named(tmp_path):
    for counts in ((2, 0), (0, 2)):
        parts = {s: (["x"] * n, None) for s, n in zip(("train", "test"), counts, strict=True)}
        assert message_of(reader._check_enough, tmp_path, parts) == (
            f"Invalid folder `{tmp_path}`. Expected enough images to train and test. "
            "Received: 2 images"
        )
    reader._check_enough(tmp_path, {"train": (["x"], None), "test": (["x"], None)})


def test_images_are_kept_if_they_fit_into_memory_exactly(folder):
    for memory, kept in ((10 * 8 * 6, True), (10 * 8 * 6 - 1, False)):
        source = reader.read(folder, 0, (8, 6), validation=0, test=0.2, memory=memory)
        assert (source.train.arrays is not None) is kept
        assert source.counts() == {"train": 8, "validation": 0, "test": 2}
        assert source.train.structure[0].shape == (8, 6, 1)
    with pytest.raises(InvalidInput, match=r"`memory`. Expected a number at least 0"):
        reader.read(folder, 0, memory=-1)


def test_given_splits_are_not_cut_again(folder):
    for split in ("train", "validation", "test"):
        (folder / "all" / split).mkdir(parents=True)
        for name in ("a", "b"):
            (folder / "all" / split / name).symlink_to(folder / name)
    source = reader.read(folder / "all", 0, (4, 4))
    assert source.counts() == {"train": 10, "validation": 10, "test": 10}
    (folder / "all" / "validation" / "a").unlink()
    (folder / "all" / "validation" / "b").unlink()
    (folder / "all" / "validation").rmdir()
    source = reader.read(folder / "all", 0, (4, 4), validation=0.2)
    assert source.counts() == {"train": 8, "validation": 2, "test": 10}


def labels(folder, text, target=None):
    file = folder / "a" / "labels.csv"
    file.write_text(text)
    return file, (folder / "a", file, target, inspection())


def test_table_of_classes(folder):
    file, arguments = labels(folder, "file,kind\n1.png,x\n3,y\n0.png,x\n")
    classes, found = reader._by_label_file(*arguments)
    names = [file.rpartition("/")[2] for file in found["train"][0]]
    assert classes == ("x", "y") and names == ["1.png", "3.png", "0.png"]
    assert found["train"][1].tolist() == [0, 1, 0]
    assert reader._label_file(folder / "a") == file
    assert reader._label_file(folder) is None
    (folder / "a" / "other.tsv").touch()
    assert reader._label_file(folder / "a") is None


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (
            "file,kind\n1.png,x\n2.png,y\n",
            "other",
            "classes in `FILE`. Expected option `target` to be one of the columns kind. "
            "Received: other",
        ),
        (
            "file,kind,size\n1.png,x,1\n2.png,y,2\n",
            None,
            "classes in `FILE`. Expected option `target` to be one of the columns kind, size. "
            "Received: None",
        ),
        (
            "file\n1.png\n2.png\n",
            None,
            "classes in `FILE`. Expected option `target` to be one of the columns (none). "
            "Received: None",
        ),
        (
            "file,kind\n1.png,x\n2.png,x\n",
            None,
            "column `kind` of `FILE`. Expected at least two classes. Received: ('x',)",
        ),
        (
            "file,kind\nno.png,x\n2.png,x\n",
            None,
            "file `FILE`. Expected a column with names of images (.jpg, .jpeg, .png, .gif, .bmp, "
            ".webp) in `FOLDER`. Received: columns file, kind",
        ),
    ],
)
def test_invalid_tables_of_classes_are_named(text, target, message, folder):
    file, arguments = labels(folder, text, target)
    expected = message.replace("FILE", str(file)).replace("FOLDER", str(folder / "a"))
    assert message_of(reader._by_label_file, *arguments) == f"Invalid {expected}"


def test_lines_without_an_image_or_a_class_are_noted(folder):
    file, arguments = labels(folder, "file,kind\n1.png,x\nno.png,y\n2.png,\n3.png,y\n")
    _, found = reader._by_label_file(*arguments)
    assert found["train"][1].tolist() == [0, 1]
    notes = arguments[-1]
    assert notes._reasons == {"no such image": 1, "missing value": 1}
    assert notes._first == [
        (
            "line 3",
            (f"line 3 of `{file}`", f"the name of an image in `{folder / 'a'}`", "no.png"),
        ),
        ("line 4", (f"line 4 of `{file}`", "a class in column `kind`", "none")),
    ]


def test_pattern_of_images(folder):
    classes, found = reader._by_pattern(f"{folder}/*/[12]*", inspection())
    names = [file.removeprefix(f"{folder}/") for file in found["train"][0]]
    assert classes == ("a", "b") and names == ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    assert found["train"][1].tolist() == [0, 0, 1, 1]
    deep, _ = reader._by_pattern(f"{folder}/**/*.png", inspection())
    assert deep == ("a", "b")
    for pattern, received in ((f"{folder}/a/*", "('a',)"), (f"{folder}/no*", "no image")):
        assert message_of(reader._by_pattern, pattern, inspection()) == (
            f"Invalid data `{pattern}`. Expected a pattern of images in a folder for each of at "
            f"least two classes. Received: {received}"
        )
