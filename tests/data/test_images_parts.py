"""Decoded images: windows, transparency, order, and what is said about files that are no images."""

import io
import os
import pathlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from kerasdl.data import bad_examples, images
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
COLORS = RANDOM.integers(0, 256, (10, 14, 3), "uint8")
GRAYS = RANDOM.integers(0, 256, (10, 14), "uint8")


def encoded(pixels, form, **options):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF"])
def test_images_with_transparency_have_four_channels(form):
    pixels = np.dstack([COLORS, GRAYS])
    content = encoded(pixels, form) if form != "GIF" else encoded(GRAYS, form)
    found = images.decoder((10, 14), 4)(content).numpy()
    assert found.shape == (10, 14, 4)
    colors = np.repeat(GRAYS[..., None], 3, axis=-1) if form == "GIF" else COLORS
    np.testing.assert_array_equal(found[..., :3], colors)
    # the two others are stored without transparency
    np.testing.assert_array_equal(found[..., 3], GRAYS if form == "PNG" else np.full((10, 14), 255))


@pytest.mark.parametrize(
    ("shape", "size", "window"),
    [
        ((9, 4), (2, 2), (slice(2, 6), slice(0, 4))),  # of 5 rows left over, 2 are above
        ((4, 9), (2, 2), (slice(0, 4), slice(2, 6))),
        ((7, 7), (2, 5), (slice(2, 5), slice(0, 7))),  # 2.8 rows are 3
        ((1, 50), (9, 1), (slice(0, 1), slice(24, 25))),  # at least one pixel
    ],
)
def test_window_of_the_aspect_ratio_is_cut_from_the_center(shape, size, window):
    pixels = np.arange(shape[0] * shape[1]).reshape(*shape, 1)
    found = images._cropped(tf.constant(pixels), size)
    np.testing.assert_array_equal(found, pixels[window])


def test_order_of_images_is_kept_and_bad_ones_are_noted():
    good = [encoded(np.full((4, 4), number % 256, "uint8"), "PNG") for number in range(300)]
    contents = np.array([*good[:5], b"", *good[5:], b"some text"], dtype=object)
    names = np.array([f"{number}.png" for number in range(302)])
    decode = images.decoder((4, 4), 1)
    for keep in (True, False):
        inspection = bad_examples.Inspection(skip=True)
        rows, pixels = images.inspect(contents, decode, names, inspection, keep)
        assert rows.tolist() == [*range(5), *range(6, 301)]
        if keep:
            assert pixels[:, 0, 0, 0].tolist() == [number % 256 for number in range(300)]
            assert pixels.shape == (300, 4, 4, 1)
        else:
            assert pixels is None
        assert inspection.found == {"5.png", "301.png"}
        assert inspection._reasons == {"unreadable image": 2}
        place, parts = inspection._first[0]
        assert place == "5.png"
        assert parts == (
            "image file `5.png`",
            "a JPEG, PNG, GIF, BMP or WebP image",
            "an empty file",
        )
    rows, pixels = images.inspect(contents[5:6], decode, names, bad_examples.Inspection(True))
    assert len(rows) == 0 and pixels is None


def test_first_bad_file_is_named_with_a_whole_message(tmp_path):
    files = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for file in files:
        pathlib.Path(file).write_bytes(b"some text that is no image")
    with pytest.raises(InvalidInput) as raised:
        images.pixels(files, (4, 4), 1)
    assert str(raised.value) == (
        f"Invalid image file `{files[0]}`. Expected a JPEG, PNG, GIF, BMP or WebP image. "
        "Received: a file that starts with b'some text that i'"
    )


def test_pixels_of_no_files_are_empty():
    assert images.pixels([], (4, 6), 3).shape == (0, 4, 6, 3)


def test_file_names_that_are_not_utf8_are_read(tmp_path):
    name = os.fsencode(tmp_path) + b"/gr\xfcn.png"
    with open(name, "wb") as file:
        file.write(encoded(COLORS, "PNG"))
    found = images.pixels([os.fsdecode(name)], (10, 14), 3)
    np.testing.assert_allclose(found[0], COLORS / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            tf.errors.InvalidArgumentError(None, None, "{{node a}} no image [Op:B]\nmore"),
            "no image",
        ),
        (tf.errors.InvalidArgumentError(None, None, "plain "), "plain"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), "ValueError()"),
    ],
)
def test_reason_is_the_first_line_without_the_names_of_operations(error, reason):
    assert images.reason_of(error) == reason


def test_readable_images_have_no_fault():
    decode = images.decoder((10, 14), 3)
    assert images.fault(decode, encoded(COLORS, "BMP")) is None
    assert images.fault(decode, b"") == "an empty file"
    assert images.fault(decode, b"BM and no more").startswith("a file that starts with b'BM and n")


def test_maps_use_all_cores_and_keep_the_order():
    assert images.parallel() == {"num_parallel_calls": os.cpu_count(), "deterministic": True}


def test_message_about_an_image_size():
    with pytest.raises(InvalidInput) as raised:
        images.checked_size((8, 0))
    assert str(raised.value) == (
        "Invalid value for argument `image_size`. Expected a positive integer, or (height, width). "
        "Received: (8, 0)"
    )
    assert images.checked_size((np.int64(8), 6)) == (8, 6)
