"""Folders of images and masks: classes from numbers, shades and colors; pairs that do not fit."""

import numpy as np
import PIL.Image
import pytest

import kerasdl.data
from kerasdl.errors import InvalidInput

COUNT, SIZE = 20, (24, 32)  # images, and their height and width


def write(folder, shades, mode="L", names=None, count=COUNT):
    """Write images whose left half is dark, with masks of two or three vertical stripes."""
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    stripes = np.arange(SIZE[1]) * len(shades) // SIZE[1]
    for i in range(count):
        pixels = np.full((*SIZE, 3), 255 - i, "uint8")
        pixels[:, : SIZE[1] // 2] = i
        PIL.Image.fromarray(pixels).save(folder / "images" / f"{i:02}.png")
        mask = np.broadcast_to(np.array(shades)[stripes], (*SIZE, *np.shape(shades)[1:]))
        picture = PIL.Image.fromarray(mask.astype("uint8"))
        if mode == "P":  # numbers of colors, which do not matter
            picture.putpalette(list(range(30)))
        picture.save(folder / "masks" / f"{i:02}.png")
    if names:
        (folder / "classes.txt").write_text("\n".join(names), encoding="utf-8")
    return folder


def masks_of(splits):
    return np.concatenate([masks for _, masks in splits.test.as_numpy_iterator()])


def test_the_left_and_the_right_half_have_their_classes(tmp_path):
    splits = kerasdl.data.load(write(tmp_path, [0, 1]), image_size=(12, 16), batch_size=4)
    info = splits.info
    assert (info.task, info.classes, info.shape) == ("masks", ("class 1",), (12, 16, 3))
    assert info.counts == {"train": 16, "validation": 2, "test": 2} and not info.notes
    images, masks = next(iter(splits.train))
    assert masks.shape == (4, 12, 16) and (masks[..., :8].numpy() == 0).all()
    assert (masks[..., 8:].numpy() == 1).all()
    np.testing.assert_array_equal(images.numpy()[..., 9, 0] > 0.9, masks[..., 9] == 1)
    assert all(file.endswith(".png") for file in info.files["test"])


@pytest.mark.parametrize(
    ("shades", "mode", "expected", "note"),
    [
        ([0, 255], "L", (0, 1), ""),
        ([0, 1, 2], "P", (0, 1, 2), ""),
        ([0, 1, 255], "L", (0, 1, 0), "255 in the masks marks pixels without a class"),
        ([0, 128, 255], "L", (0, 1, 2), "from the background to the last class: 0, 128, 255"),
        ([(0, 0, 0), (255, 0, 0)], "RGB", (0, 1), "the last class: #000000, #ff0000"),
    ],
)
def test_numbers_shades_and_colors_become_classes(shades, mode, expected, note, tmp_path):
    splits = kerasdl.data.load(write(tmp_path, shades, mode), image_size=SIZE)
    row = masks_of(splits)[0, 0]
    stripes = np.arange(SIZE[1]) * len(shades) // SIZE[1]
    assert row.tolist() == [expected[stripe] for stripe in stripes]
    assert len(splits.info.classes) == max(expected)
    assert note in " ".join(splits.info.notes) and bool(note) == bool(splits.info.notes)


def test_names_come_from_the_file_or_the_option(tmp_path):
    folder = write(tmp_path, [0, 1, 2], names=["background", "cat", "dog"])
    assert kerasdl.data.load(folder).info.classes == ("cat", "dog")
    assert kerasdl.data.load(folder, classes="tree, sky").info.classes == ("tree", "sky")
    for classes, message in (("tree", "names of 2 classes besides"), ("a,a", "a different name")):
        with pytest.raises(InvalidInput, match=message):
            kerasdl.data.load(folder, classes=classes)


def test_masks_are_cropped_and_scaled_with_their_images(tmp_path):
    """A square of an image three times as wide as high shows its middle."""
    folder = write(tmp_path, [0, 1])
    for i in range(COUNT):
        wide = np.zeros((10, 30), "uint8")
        wide[:, 10:15] = 255
        for place, pixels in (("images", wide), ("masks", wide // 255)):
            PIL.Image.fromarray(pixels).save(folder / place / f"{i:02}.png")
    images, masks = next(iter(kerasdl.data.load(folder, image_size=20).test))
    assert images.shape[1:] == (20, 20, 1)
    np.testing.assert_array_equal(masks[0], np.tile([1] * 10 + [0] * 10, (20, 1)))
    np.testing.assert_array_equal(masks[0], images[0, ..., 0] > 0.5)


def test_a_turned_photograph_has_the_size_that_is_seen(tmp_path):
    folder = write(tmp_path, [0, 1])
    turned = PIL.Image.open(folder / "images" / "00.png").rotate(90, expand=True)
    exif = turned.getexif()
    exif[0x0112] = 6
    (folder / "images" / "00.png").unlink()
    turned.save(folder / "images" / "00.jpg", exif=exif)
    assert sum(kerasdl.data.load(folder).info.counts.values()) == COUNT


def test_splits_of_their_own_are_kept(tmp_path):
    for split, count in (("train", 6), ("validation", 3), ("test", 2)):
        write(tmp_path / split, [0, 1], count=count)
    splits = kerasdl.data.load(tmp_path)
    assert splits.info.counts == {"train": 6, "validation": 3, "test": 2}


def no_mask(folder):
    (folder / "masks" / "03.png").unlink()


def no_image(folder):
    (folder / "images" / "03.png").unlink()


def smaller(folder):
    PIL.Image.new("L", (5, 6)).save(folder / "masks" / "03.png")


def empty(folder):
    (folder / "masks" / "03.png").write_bytes(b"")


def cut(folder):
    path = folder / "masks" / "03.png"
    path.write_bytes(path.read_bytes()[:60])


def no_picture(folder):
    (folder / "images" / "03.png").write_text("not an image")


@pytest.mark.parametrize(
    ("damage", "message", "reason"),
    [
        (no_mask, r"Expected a mask `03`.*beside it", "no mask"),
        (no_image, "Expected an image `03` beside it", "no image"),
        (
            smaller,
            "Expected 32 x 24 pixels, the size of its image. Received: 5 x 6",
            "another size",
        ),
        (empty, "Expected a PNG, BMP, GIF or TIFF image", "unreadable mask"),
        (cut, "Expected a PNG, BMP, GIF or TIFF image", "unreadable mask"),
        (no_picture, "Expected a JPEG, PNG", "unreadable image"),
    ],
)
def test_pairs_that_do_not_fit_are_named_or_left_out(damage, message, reason, tmp_path):
    folder = write(tmp_path, [0, 1])
    damage(folder)
    with pytest.raises(InvalidInput, match=message) as error:
        kerasdl.data.load(folder)
    assert "03.png" in str(error.value) and "--skip-bad" in str(error.value)
    info = kerasdl.data.load(folder, skip_bad=True).info
    assert sum(info.counts.values()) == COUNT - 1 and reason in str(info.skipped)


def test_folders_that_cannot_be_used_are_refused(tmp_path):
    folder = write(tmp_path, [0, 0])
    with pytest.raises(InvalidInput, match=r"two classes. Received: background alone"):
        kerasdl.data.load(folder)
    write(folder, [0, 1])
    with pytest.raises(InvalidInput, match=r"`memory`. Expected at least"):
        kerasdl.data.load(folder, memory=1000)
    (folder / "images").rename(folder / "pictures")
    with pytest.raises(InvalidInput, match="no folder `images`"):
        kerasdl.data.load(folder)


def test_a_mask_with_the_colors_of_a_photograph_is_refused(tmp_path):
    folder = write(tmp_path, [0, 1])
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), "uint8")
    PIL.Image.fromarray(noise).save(folder / "masks" / "05.png")
    with pytest.raises(InvalidInput, match="at most 256 classes"):
        kerasdl.data.load(folder)
