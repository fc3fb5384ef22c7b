"""Folders of images: what is read, how it is split, and which file is at fault."""

import numpy as np
import PIL.Image
import pytest

import kerasdl.data
from kerasdl.errors import InvalidInput


def write(file, shade, size=(30, 20), mode="RGB"):
    file.parent.mkdir(parents=True, exist_ok=True)
    colour = shade if mode == "L" else (shade, 0, 255 - shade)
    PIL.Image.new(mode, size, colour).save(file)


@pytest.fixture
def folder(tmp_path):
    """Two classes, told apart by their shade, of several formats and sizes."""
    for i in range(40):
        ending = ("png", "jpg", "bmp", "gif")[i % 4]
        write(tmp_path / "dark" / f"{i:02}.{ending}", i, size=(20 + i, 50))
        write(tmp_path / "light" / "deep" / f"{i:02}.{ending}", 200 + i, size=(50, 20 + i))
    (tmp_path / "dark" / "notes.txt").write_text("not an image, and not named like one")
    return tmp_path


def test_images_of_any_size_become_one_size_with_their_classes(folder):
    splits = kerasdl.data.load(folder, image_size=16, batch_size=100, seed=1)
    info = splits.info
    assert info.classes == ("dark", "light")
    assert info.shape == (16, 16, 3)
    assert info.counts == {"train": 64, "validation": 8, "test": 8}
    images, labels = next(splits.test.as_numpy_iterator())
    assert labels.tolist() == [0] * 4 + [1] * 4
    for image, label, file in zip(images, labels, info.files["test"], strict=True):
        assert ("dark" in file) == (label == 0)
        number = int(file[-6:-4]) + 200 * label
        np.testing.assert_allclose(image[..., 0], number / 255, atol=0.02)
    every = [file for files in info.files.values() for file in files]
    assert len(set(every)) == 80


def test_what_does_not_fit_into_memory_comes_in_the_same_order(folder):
    kept = kerasdl.data.load(folder, image_size=12, batch_size=10, augment="light")
    read = kerasdl.data.load(folder, image_size=12, batch_size=10, augment="light", memory=0)
    for split in ("train", "train", "validation", "test"):
        pairs = zip(getattr(kept, split), getattr(read, split), strict=True)
        for (images, labels), (others, classes) in pairs:
            np.testing.assert_array_equal(labels, classes)
            np.testing.assert_allclose(images, others, atol=1e-5)


def test_a_photograph_is_cut_and_not_squeezed(tmp_path):
    stripes = np.zeros((10, 30, 3), "uint8")
    stripes[:, 10:20] = 255
    for name in ("a", "b"):
        for i in range(10):
            file = tmp_path / name / f"{i}.png"
            file.parent.mkdir(exist_ok=True)
            PIL.Image.fromarray(stripes).save(file)
    splits = kerasdl.data.load(tmp_path, image_size=10)
    images, _ = next(splits.train.as_numpy_iterator())
    np.testing.assert_array_equal(images, 1)


def test_grey_images_stay_grey(tmp_path):
    for name, shade in (("a", 10), ("b", 90)):
        for i in range(10):
            write(tmp_path / name / f"{i}.png", shade, mode="L")
    assert kerasdl.data.load(tmp_path, image_size=8).info.shape == (8, 8, 1)


def test_folders_that_are_split_already_stay_so(tmp_path):
    for split, count in (("train", 20), ("test", 3)):
        for name in ("a", "b"):
            for i in range(count):
                write(tmp_path / split / name / f"{i}.png", i)
    info = kerasdl.data.load(tmp_path, image_size=8).info
    assert info.counts == {"train": 36, "validation": 4, "test": 6}
    assert all("/test/" in file for file in info.files["test"])
    assert info.classes == ("a", "b")


def fails(folder, *parts):
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(folder, image_size=8)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


def test_a_text_named_png_is_named(folder):
    file = folder / "light" / "fake.png"
    file.write_text("hello there, this is no image")
    fails(folder, file, "JPEG, PNG, GIF or BMP", "hello there")


def test_an_empty_and_a_cut_off_image_are_named(folder):
    file = folder / "light" / "empty.jpg"
    file.touch()
    fails(folder, file, "an empty file")
    file.unlink()
    whole = (folder / "dark" / "01.jpg").read_bytes()
    cut = folder / "dark" / "cut.png"
    write(cut, 3, size=(64, 64))
    cut.write_bytes(cut.read_bytes()[:-40])
    fails(folder, cut)
    assert whole


def test_empty_folders_are_named(tmp_path):
    fails(tmp_path, tmp_path, "at least two classes")
    write(tmp_path / "a" / "1.png", 3)
    (tmp_path / "b").mkdir()
    fails(tmp_path, tmp_path / "b", "none")


def test_too_few_images_to_test_are_an_error(tmp_path):
    write(tmp_path / "a" / "1.png", 3)
    write(tmp_path / "b" / "1.png", 3)
    fails(tmp_path, tmp_path, "2 images")
