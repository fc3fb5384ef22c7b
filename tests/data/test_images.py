"""Decoded images: every format, sizes, crops, and errors that name a file."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from kerasdl.data import images
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
COLORS = RANDOM.integers(0, 256, (10, 14, 3), "uint8")
GRAYS = RANDOM.integers(0, 256, (10, 14), "uint8")


def encoded(pixels, form, **options):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_lossless_formats_keep_every_pixel(form):
    decode = images.decoder((10, 14), 3)
    np.testing.assert_array_equal(decode(encoded(COLORS, form)), COLORS)


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF"])
def test_gray_images_are_read_as_gray_and_as_color(form):
    content = encoded(GRAYS, form)
    np.testing.assert_array_equal(images.decoder((10, 14), 1)(content), GRAYS[..., None])
    in_color = np.repeat(GRAYS[..., None], 3, axis=-1)
    np.testing.assert_array_equal(images.decoder((10, 14), 3)(content), in_color)


def test_jpeg_is_close_to_the_original():
    smooth = np.linspace(0, 255, 10 * 14 * 3).reshape(10, 14, 3).astype("uint8")
    found = images.decoder((10, 14), 3)(encoded(smooth, "JPEG", quality=95))
    np.testing.assert_allclose(np.array(found, float), smooth, atol=12)


@pytest.mark.parametrize(
    ("size", "window"),
    [((10, 10), np.s_[:, 2:12]), ((5, 14), np.s_[2:7, :]), ((10, 14), np.s_[:, :])],
)
def test_other_aspect_ratios_are_cropped_at_the_center(size, window):
    found = images.decoder(size, 3)(encoded(COLORS, "PNG"))
    np.testing.assert_array_equal(found, COLORS[window])


@pytest.mark.parametrize("size", [(5, 7), (20, 28), (3, 4)])
def test_scaled_images_equal_tensorflows_antialiased_resize(size):
    crop = COLORS[:, :13] if size == (3, 4) else COLORS  # of 13.33 columns, at the left
    expected = np.round(tf.image.resize(crop, size, antialias=True))
    found = images.decoder(size, 3)(encoded(COLORS, "PNG"))
    np.testing.assert_allclose(np.array(found, float), expected, atol=1)  # ties of rounding


def test_bytes_are_scaled_and_other_numbers_kept():
    np.testing.assert_allclose(images.to_unit(tf.constant([0, 51, 255], "uint8")), [0, 0.2, 1])
    floats = tf.constant([0.0, 51.0])
    assert images.to_unit(floats) is floats


def test_pixels_of_files_are_in_order_and_in_the_unit_interval(tmp_path):
    files = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for file, pixels in zip(files, (COLORS, COLORS[::-1]), strict=True):
        PIL.Image.fromarray(pixels).save(file)
    found = images.pixels(files, (10, 14), 3)
    np.testing.assert_allclose(found, np.stack([COLORS, COLORS[::-1]]) / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "an empty file"), (b"some text", "some text"), (b"\x89PNG, then nothing", "PNG")],
)
def test_file_that_is_no_image_is_named_with_the_reason(content, reason, tmp_path):
    PIL.Image.fromarray(COLORS).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(content)
    files = [str(tmp_path / name) for name in ("good.png", "bad.png")]
    with pytest.raises(InvalidInput, match=f"image file `{files[1]}`") as raised:
        images.pixels(files, (10, 14), 3)
    assert images.FORMATS in str(raised.value) and reason in str(raised.value)


@pytest.mark.parametrize(
    ("given", "expected"), [(None, None), (8, (8, 8)), ((8, 6), (8, 6)), ([8, 6], (8, 6))]
)
def test_image_size_is_one_number_or_height_and_width(given, expected):
    assert images.checked_size(given) == expected


@pytest.mark.parametrize("given", [0, -1, 2.5, "8", (8,), (8, 6, 3), (8, 0)])
def test_other_image_sizes_raise(given):
    with pytest.raises(InvalidInput, match="image_size"):
        images.checked_size(given)


STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_photographs_are_turned_as_their_orientation_says(form, tmp_path):
    """Here the pixels are stored as a camera that is held in each of eight ways does."""
    upright = np.zeros((16, 32, 3), "uint8")
    upright[:8, :16], upright[:8, 16:], upright[8:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    decode, files = images.decoder((16, 32), 3), []
    for orientation, store in STORED.items():
        exif = PIL.Image.Exif()
        exif[images.ORIENTATION] = orientation
        content = encoded(store(upright), form, exif=exif, quality=95)
        assert np.abs(np.array(decode(content), float) - upright).mean() < 8, orientation
        files.append(tmp_path / f"{orientation}.jpg")
        files[-1].write_bytes(content)
    found = images.pixels(list(map(str, files)), (16, 32), 3)
    assert np.abs(found - upright / 255).mean(axis=(1, 2, 3)).max() < 0.03


def test_damaged_exif_data_are_ignored():
    exif = PIL.Image.Exif()
    exif[images.ORIENTATION] = 6
    content = encoded(COLORS, "JPEG", exif=exif, quality=95)
    start = content.index(b"Exif\0\0") + 6
    broken = content[:start] + b"\xff" * 12 + content[start + 12 :]
    decode = images.decoder((10, 14), 3)
    np.testing.assert_array_equal(decode(broken), decode(encoded(COLORS, "JPEG", quality=95)))
    content = encoded(COLORS, "WEBP", exif=b"Exif\0\0MM\0*" + b"\xff" * 12, lossless=True)
    np.testing.assert_array_equal(decode(content), COLORS)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_transparent_pixels_are_white(form):
    pixels = np.zeros((10, 14, 4), "uint8")
    pixels[:5] = (0, 0, 255, 255)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, form, **({"lossless": True} if form == "WEBP" else {}))
    color = np.array(images.decoder((10, 14), 3)(file.getvalue()))
    assert (color[:5] == (0, 0, 255)).all() and (color[5:] == 255).all()
    gray = np.array(images.decoder((10, 14), 1)(file.getvalue()))
    assert (gray[:5] < 40).all() and (gray[5:] == 255).all()


def test_half_transparent_pixels_are_mixed_with_white():
    pixels = np.full((10, 14, 4), (255, 0, 0, 128), "uint8")
    found = np.array(images.decoder((10, 14), 3)(encoded(pixels, "PNG")))
    np.testing.assert_allclose(found[0, 0], (255, 127, 127), atol=1)


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_an_animation_is_its_first_frame(form):
    frames = [PIL.Image.new("RGB", (14, 10), color) for color in ("red", "lime", "blue")]
    file = io.BytesIO()
    options = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(file, form, save_all=True, append_images=frames[1:], **options)
    found = np.array(images.decoder((10, 14), 3)(file.getvalue()))
    assert (found == (255, 0, 0)).all()


def test_four_inks_are_converted_to_colors():
    for color in ("red", "white", "black", "lime"):
        image = PIL.Image.new("RGB", (14, 10), color)
        file = io.BytesIO()
        image.convert("CMYK").save(file, "JPEG", quality=95)
        found = np.array(images.decoder((10, 14), 3)(file.getvalue()), float)
        np.testing.assert_allclose(found[5, 5], image.getpixel((0, 0)), atol=6)


def test_no_operation_transposes_bytes():
    """TensorFlow would tell on standard error that oneDNN cannot do it."""
    graph = images._read_all((8, 8), 3).get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(n for function in graph.library.function for n in function.node_def)]
    assert {"DecodeJpeg", "PyFunc"} <= {node.op for node in nodes}
    unsigned = tf.uint8.as_datatype_enum
    assert not [n for n in nodes if n.op == "Transpose" and n.attr["T"].type == unsigned]
