"""Folders of images: reading, splitting, and errors that name the bad file."""

import os
import pathlib
import struct
import zlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.errors import InvalidInput


def write(file, shade, size=(30, 20), mode="RGB"):
    file.parent.mkdir(parents=True, exist_ok=True)
    color = shade if mode == "L" else (shade, 0, 255 - shade)
    PIL.Image.new(mode, size, color).save(file)


@pytest.fixture
def folder(tmp_path):
    """Two classes of different shades, in several formats and sizes."""
    for i in range(40):
        ending = ("png", "jpg", "bmp", "gif")[i % 4]
        write(tmp_path / "dark" / f"{i:02}.{ending}", i, size=(20 + i, 50))
        write(tmp_path / "light" / "deep" / f"{i:02}.{ending}", 200 + i, size=(50, 20 + i))
    (tmp_path / "dark" / "notes.txt").write_text("not an image, and not named like one")
    return tmp_path


def test_images_are_resized_and_labeled_by_their_folder(folder):
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


def test_images_read_from_disk_have_the_same_order_as_in_memory(folder):
    kept = kerasdl.data.load(folder, image_size=12, batch_size=10, augment="light")
    read = kerasdl.data.load(folder, image_size=12, batch_size=10, augment="light", memory=0)
    for split in ("train", "train", "validation", "test"):
        pairs = zip(getattr(kept, split), getattr(read, split), strict=True)
        for (images, labels), (others, classes) in pairs:
            np.testing.assert_array_equal(labels, classes)
            np.testing.assert_allclose(images, others, atol=1e-5)


def test_wide_images_are_cropped_and_not_squeezed(tmp_path):
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


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_gray_images_stay_gray(mode, tmp_path):
    for name, shade in (("a", 10), ("b", 90)):
        (tmp_path / name).mkdir()
        for i in range(10):
            PIL.Image.new(mode, (30, 20), shade).save(tmp_path / name / f"{i}.png")
    assert kerasdl.data.load(tmp_path, image_size=8).info.shape == (8, 8, 1)


def test_existing_splits_are_kept(tmp_path):
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


def test_a_text_file_named_png_is_refused_by_name(folder):
    file = folder / "light" / "fake.png"
    file.write_text("hello there, this is no image")
    fails(folder, file, "JPEG, PNG, GIF, BMP or WebP", "hello there")


def test_empty_and_truncated_images_are_named(folder):
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


@pytest.fixture
def flawed(folder):
    """The folder with six damaged files, their names, and the splits before the damage."""
    whole = kerasdl.data.load(folder, image_size=8, batch_size=100)
    bad = {
        "dark/00.png": b"",
        "dark/01.jpg": (folder / "dark" / "01.jpg").read_bytes()[:-30],
        "dark/02.bmp": b"a text",
        "light/deep/03.gif": (folder / "light" / "deep" / "03.gif").read_bytes()[:15],
        "light/deep/04.png": (folder / "light" / "deep" / "04.png").read_bytes()[:-30],
        "light/deep/08.png": huge_png(),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    return folder, {str(folder / name) for name in bad}, whole


def huge_png():
    """Make a PNG header of 100,000 x 100,000 pixels without pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT"


def test_the_first_bad_file_is_named_and_the_others_are_counted(flawed):
    folder, _, _ = flawed
    fails(folder, folder / "dark" / "00.png", "an empty file (3 more like it; --skip-bad")


@pytest.mark.parametrize("memory", [2**30, 0])
def test_skipping_bad_files_keeps_the_splits_of_the_others(flawed, memory):
    folder, bad, whole = flawed
    load = {"image_size": 8, "batch_size": 100, "skip_bad": True, "memory": memory}
    splits = kerasdl.data.load(folder, **load)
    for split, files in splits.info.files.items():
        left = [file for file in whole.info.files[split] if file not in bad]
        assert list(files) == left
        assert splits.info.counts[split] == len(left)
    assert sum(splits.info.counts.values()) == 74
    skipped = splits.info.skipped
    assert (skipped.count, skipped.total) == (6, 80)
    kinds = {"empty file": 1, "unreadable image": 4, "huge image": 1}
    assert skipped.reasons == kinds
    assert str(skipped).startswith("skipped 6 of 80: ") and "dark/00.png" in str(skipped)
    images, labels = next(splits.test.as_numpy_iterator())
    assert len(images) == len(labels) == splits.info.counts["test"]


def test_check_names_a_file_that_is_damaged_after_loading(folder):
    splits = kerasdl.data.load(folder, image_size=8, batch_size=10, memory=0)
    splits.check()
    file = splits.info.files["train"][7]
    pathlib.Path(file).write_bytes(b"\xff\xd8 and no more")
    with pytest.raises(tf.errors.OpError):
        list(splits.train)
    with pytest.raises(InvalidInput, match="JPEG, PNG, GIF, BMP or WebP") as caught:
        splits.check()
    assert file in str(caught.value) and "\n" not in str(caught.value)


def test_more_than_half_bad_files_are_an_error_even_with_skip_bad(folder):
    for file in (folder / "dark").iterdir():
        file.write_bytes(b"")
    for i in range(4):
        (folder / "light" / "deep" / f"{i:02}.{('png', 'jpg', 'bmp', 'gif')[i]}").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"at most half of it to be bad.*44 of 80; first image"):
        kerasdl.data.load(folder, image_size=8, skip_bad=True)


def test_a_class_without_images_is_skipped_and_counted(folder):
    (folder / "neither").mkdir()
    write(folder / "none" / "1.png", 3)
    (folder / "none" / "1.png").write_bytes(b"")
    fails(folder, folder / "neither", "images (.jpg")
    info = kerasdl.data.load(folder, image_size=8, skip_bad=True).info
    assert info.classes == ("dark", "light")
    assert info.skipped.reasons == {"empty class": 1, "empty file": 1}
    assert info.skipped.total == 82


def test_a_class_that_only_the_test_split_has_is_named(tmp_path):
    for place in ("train/a", "train/b", "test/a", "test/b", "test/c"):
        for i in range(10):
            write(tmp_path / place / f"{i}.png", i)
    fails(tmp_path, tmp_path / "test" / "c", "one of the classes to train on, a, b")
    info = kerasdl.data.load(tmp_path, image_size=8, skip_bad=True).info
    assert info.counts["test"] == 20 and info.skipped.reasons == {"unknown class": 1}


def test_every_format_and_color_mode_is_read(tmp_path):
    modes = {"png": ("L", "RGB", "RGBA", "P", "1", "LA"), "bmp": ("L", "RGB", "P", "1")}
    modes |= {"gif": ("L", "RGB"), "jpg": ("L", "RGB", "CMYK")}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for ending, kinds in modes.items():
            for mode in kinds:
                image = PIL.Image.new("RGB", (9, 9), (255, 255, 255)).convert(mode)
                image.save(tmp_path / name / f"{mode}.{ending}")
        red = PIL.Image.new("RGB", (9, 9), (255, 0, 0)).quantize()
        red.save(tmp_path / name / "red.bmp")
    splits = kerasdl.data.load(tmp_path, image_size=8, test=0.3, batch_size=100)
    for split in ("train", "validation", "test"):
        images, _ = next(getattr(splits, split).as_numpy_iterator())
        for image, file in zip(images, splits.info.files[split], strict=False):
            assert image.shape == (8, 8, 3)
            if split != "train":  # training images are shuffled
                color = (1, 0, 0) if "red" in file else (1, 1, 1)
                np.testing.assert_allclose(image[4, 4], color, atol=0.02)


def test_names_that_are_not_utf8_are_reported_and_can_be_skipped(folder):
    good = (folder / "dark" / "00.png").read_bytes()
    with open(os.fsencode(folder) + b"/dark/gr\xfcn.png", "wb") as file:
        file.write(good)
    fails(folder, r"dark/gr\xfcn.png", "a name in UTF-8", "--skip-bad")
    info = kerasdl.data.load(folder, image_size=8, skip_bad=True).info
    assert (info.skipped.count, info.skipped.total) == (1, 81)
    os.mkdir(os.fsencode(folder) + b"/gr\xfcn")
    fails(folder, r"gr\xfcn", "a name in UTF-8")


def test_named_pipe_raises_at_once(folder):
    os.mkfifo(folder / "dark" / "pipe.png")
    fails(folder, "pipe.png", "no regular file")


def test_other_format_with_a_known_suffix_raises(folder):
    PIL.Image.new("RGB", (8, 8)).save(folder / "dark" / "x.png", format="TIFF")
    fails(folder, "x.png", "JPEG, PNG, GIF, BMP or WebP")


def test_pattern_of_images_names_classes_by_folders(folder):
    pattern = str(folder / "dark" / "*.png")
    with pytest.raises(InvalidInput, match=r"a pattern of images in a folder for each.*'dark'"):
        kerasdl.data.load(pattern, image_size=8)
    splits = kerasdl.data.load(str(folder / "**" / "*.png"), image_size=8)
    assert splits.info.classes == ("dark", "deep")
    assert sum(splits.info.counts.values()) == 20
    with pytest.raises(InvalidInput, match="Received: no image"):
        kerasdl.data.load(str(folder / "none*"))


def test_table_in_a_flat_folder_gives_the_classes(tmp_path):
    for i in range(20):
        write(tmp_path / f"{i}.{('png', 'webp')[i % 2]}", 10 * i)
    lines = [f"{i}.{('png', 'webp')[i % 2]};{('cat', 'dog')[i // 10]};{i}" for i in range(20)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file;kind;weight", *lines]))
    load = {"image_size": 8, "batch_size": 100}
    with pytest.raises(InvalidInput, match="`target` to be one of the columns kind, weight"):
        kerasdl.data.load(tmp_path, **load)
    splits = kerasdl.data.load(tmp_path, target="kind", **load)
    assert splits.info.classes == ("cat", "dog")
    assert splits.info.counts == {"train": 16, "validation": 2, "test": 2}
    pictures, labels = next(splits.test.as_numpy_iterator())
    assert ((pictures[:, 4, 4, 0] >= 0.38) == labels).all()

    stems = [f"{i},{('cat', 'dog')[i // 10]}" for i in range(20)]
    table.write_text("\n".join(["id,kind", *stems]))
    assert kerasdl.data.load(tmp_path, **load).info.counts == splits.info.counts
    table.write_text("\n".join(["id,kind", *stems, "20,cat", "0,"]))
    fails(tmp_path, "line 22 of", "the name of an image in", "1 more like it")
    info = kerasdl.data.load(tmp_path, skip_bad=True, **load).info
    assert info.skipped.reasons == {"no such image": 1, "missing value": 1}
    table.write_text("a,b\nno,x\nnone,y\n")
    fails(tmp_path, "labels.csv", "a column with names of images")


def test_table_in_a_flat_folder_gives_tags(tmp_path):
    for i in range(20):
        write(tmp_path / f"{i}.png", 10 * i)
    table = tmp_path / "labels.csv"
    table.write_text(
        "\n".join(["file,red,dark", *(f"{i}.png,{i % 2},{i // 10}" for i in range(20))])
    )
    load = {"image_size": 8, "batch_size": 100}
    splits = kerasdl.data.load(tmp_path, **load)
    assert splits.info.task == "tags" and splits.info.classes == ("red", "dark")
    assert splits.info.counts == {"train": 16, "validation": 2, "test": 2}
    pictures, tags = next(splits.train.as_numpy_iterator())
    assert ((pictures[:, 4, 4, 0] >= 0.38) == tags[:, 1]).all() and tags.dtype == "float32"
    few = kerasdl.data.load(tmp_path, target="dark", **load).info
    assert few.task == "classification" and few.classes == ("0", "1")
    from_disk = kerasdl.data.load(tmp_path, memory=0, **load)
    np.testing.assert_array_equal(next(from_disk.train.as_numpy_iterator())[1], tags)

    words = ("red;dark", "dark", "", "red")
    table.write_text("\n".join(["id,tags", *(f"{i},{words[i % 4]}" for i in range(20))]))
    splits = kerasdl.data.load(tmp_path, **load)
    assert splits.info.task == "tags" and splits.info.classes == ("dark", "red")
    assert {tuple(row) for row in next(splits.train.as_numpy_iterator())[1].tolist()} == {
        (1, 1), (1, 0), (0, 0), (0, 1)
    }  # fmt: skip
    with pytest.raises(InvalidInput, match=r"option `validation`\. Expected a fraction"):
        kerasdl.data.load(tmp_path, validation=str(tmp_path))
    table.write_text("\n".join(["file,red,size", *(f"{i}.png,{i % 2},{i}" for i in range(20))]))
    fails(tmp_path, "to be one of the columns red, size", "Received: None")


def test_table_that_names_files_outside_of_its_folder_is_refused(tmp_path):
    write(tmp_path / "secret.png", 3)
    for i in range(4):
        write(tmp_path / "data" / f"{i}.png", i)
    lines = ["file,kind", "0.png,a", "1.png,b", "../secret.png,a"]
    (tmp_path / "data" / "labels.csv").write_text("\n".join(lines))
    fails(tmp_path / "data", "line 4 of", "the name of an image in", "../secret.png")
