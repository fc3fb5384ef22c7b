"""Examples in memory and encoded examples have the same batches; changes make new examples."""

import types

import numpy as np
import pytest
import tensorflow as tf

from kerasdl.data import examples, images, pipeline
from kerasdl.data.examples import Arrays, EncodedImages
from kerasdl.data.kinds import Stored
from kerasdl.errors import InvalidInput
from kerasdl.utils import patches

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (7, 4, 6, 3), "uint8")
LABELS = np.array([0, 1, 2, 0, 1, 2, 2])
NAMES = np.array([f"{number}.png" for number in range(7)])


def encoded(pixels=PIXELS, **options):
    items = np.array([tf.io.encode_png(image).numpy() for image in pixels], dtype=object)
    options = {"size": (4, 6), "channels": 3, "are_files": False, "names": NAMES, **options}
    return EncodedImages(items, LABELS, **options)


def batches(part, order, sizes):
    dataset = pipeline.to_elements(
        tf.data.Dataset.from_generator(
            lambda: ((0, rows) for rows in order),
            output_signature=(tf.TensorSpec((), "int64"), tf.TensorSpec([None], "int64")),
        ),
        part,
        sizes,
    )
    return list(dataset.as_numpy_iterator())


def test_nested_arrays_are_counted_taken_and_changed():
    arrays = {"a": (np.arange(5), np.arange(10).reshape(5, 2)), "b": np.ones(5)}
    assert examples.count(arrays) == 5 == examples.count(np.ones(5))
    assert examples.count((np.ones(3), np.ones(4))) == 3
    found = examples.take(arrays, [1, 3])
    assert found["a"][0].tolist() == [1, 3] and found["a"][1].tolist() == [[2, 3], [6, 7]]
    assert examples.nested(len, arrays) == {"a": (5, 5), "b": 5}


def test_structure_of_arrays():
    part = Arrays({"x": PIXELS}, LABELS)
    assert part.structure == ({"x": Stored((4, 6, 3), "uint8")}, Stored((), "int64"))
    assert len(part) == 7 and not part.has_images
    assert Arrays(PIXELS, LABELS).has_images and not Arrays(PIXELS[0], LABELS).has_images
    taken = Arrays(PIXELS, LABELS).take(slice(2, 4))
    np.testing.assert_array_equal(taken.inputs, PIXELS[2:4])
    assert taken.targets.tolist() == [2, 0]
    assert str(Stored((4, 6), "uint8")) == "uint8 of shape (4, 6)"


@pytest.mark.parametrize("make", [lambda: Arrays(PIXELS, LABELS), encoded])
@pytest.mark.parametrize("order", [[[6, 0, 3], [1, 2]], [[5], [4, 3, 2], [1]]])
def test_batches_have_the_requested_rows(make, order):
    found = batches(make(), order, [len(rows) for rows in order])
    assert len(found) == len(order)
    for (pixels, labels), rows in zip(found, order, strict=True):
        np.testing.assert_allclose(pixels, PIXELS[rows] / 255, atol=1e-6)
        np.testing.assert_array_equal(labels, LABELS[rows])


def test_one_hot_labels():
    for part in (Arrays(PIXELS, LABELS), encoded()):
        made = part.one_hot(4)
        assert made.targets.dtype == "float32" and made.targets.shape == (7, 4)
        np.testing.assert_array_equal(made.targets.argmax(-1), LABELS)
        np.testing.assert_array_equal(made.targets.sum(-1), 1)
        assert made.structure[1] == Stored((4,), "float32")
        np.testing.assert_array_equal(part.targets, LABELS)


def test_resized_images_are_in_the_unit_interval():
    flat = np.full((7, 4, 6, 3), 51, "uint8")
    made = Arrays(flat, LABELS).resized((8, 3))
    assert made.inputs.shape == (7, 8, 3, 3) and made.inputs.dtype == "float32"
    np.testing.assert_allclose(made.inputs, 0.2, atol=1e-6)
    assert encoded().resized((8, 3)).structure[0] == Stored((8, 3, 3), "uint8")
    wild = Arrays(np.full((7, 4, 6, 3), 1.5, "float32"), LABELS).resized((2, 2))
    assert wild.inputs.max() == 1


def test_take_selects_images_labels_and_names():
    part = encoded().take(np.array([4, 1]))
    assert len(part) == 2 and part.names.tolist() == ["4.png", "1.png"]
    assert part.targets.tolist() == [1, 1] and part.arrays is None and part.has_images
    np.testing.assert_array_equal(part.decoder()(part.items[0]), PIXELS[4])


def test_first_unreadable_image_is_named():
    part = encoded()
    part.find_bad([np.arange(7)])
    part.items[3] = b"no image"
    part.find_bad([np.array([0, 1]), np.array([2])])
    with pytest.raises(InvalidInput, match=rf"image file `3.png`. Expected {images.FORMATS}"):
        part.find_bad([np.array([0, 1]), np.array([2, 3])])


@pytest.mark.parametrize(
    ("given", "size"), [(None, None), (5, (5, 5)), ((5, 7), (5, 7)), ([5, 7], (5, 7))]
)
def test_image_size_is_one_or_two_integers(given, size):
    assert images.checked_size(given) == size


@pytest.mark.parametrize("given", [0, -3, (5, 0), (5,), (5, 6, 7), 2.5, True, (5, True), "5"])
def test_invalid_image_sizes_raise(given):
    with pytest.raises(InvalidInput, match=r"`image_size`.*positive integer, or \(height, width\)"):
        images.checked_size(given)


def test_bytes_become_fractions_and_floats_do_not_change():
    found = images.to_unit(tf.constant([0, 51, 255], "uint8"))
    np.testing.assert_allclose(found, [0, 0.2, 1])
    assert found.dtype == "float32"
    given = tf.constant([3.0, 7.0])
    assert images.to_unit(given) is given


def test_images_are_cropped_at_the_center_before_scaling():
    wide = np.zeros((4, 12, 1), "uint8")
    wide[:, 4:8] = 200  # the middle third
    content = tf.io.encode_png(wide)
    found = images.decoder((4, 4), 1)(content).numpy()
    assert found.dtype == "uint8" and found.shape == (4, 4, 1) and (found == 200).all()
    tall = tf.io.encode_png(np.transpose(wide, (1, 0, 2)))
    assert (images.decoder((4, 4), 1)(tall).numpy() == 200).all()
    assert images.decoder((2, 8), 3)(content).shape == (2, 8, 3)


@pytest.mark.parametrize("shape", [(8, 8), (5, 9), (31, 17), (16, 40), (200, 90), (1, 7)])
@pytest.mark.parametrize("encode", [tf.io.encode_jpeg, tf.io.encode_png])
def test_images_are_scaled_with_antialiasing(shape, encode):
    """Images that have the wanted size already are not scaled at all."""
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), "uint8")
    content = encode(pixels)
    whole = tf.io.decode_image(content, 3).numpy()
    found = images.decoder((8, 8), 3)(content).numpy()
    side = min(shape)
    top, left = ((length - side) // 2 for length in shape)
    cut = whole[top : top + side, left : left + side]
    expected = np.round(tf.image.resize(cut, (8, 8), antialias=True))
    np.testing.assert_array_equal(found, expected)
    if shape == (8, 8):
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("make", [lambda: Arrays(PIXELS, LABELS), encoded])
def test_arrays_stay_in_the_memory_of_the_host(make):
    part, made, constant = make(), [], tf.constant

    def kept(*args, **kwargs):
        made.append(constant(*args, **kwargs))
        return made[-1]

    # in a graph, operations can be placed on a GPU that does not exist
    with tf.Graph().as_default(), tf.device("GPU:0"), patches.replaced(tf, "constant", kept):
        part.batches(types.SimpleNamespace(map=lambda *args, **kwargs: None), tuple)
    assert [tensor.device for tensor in made] == ["/device:CPU:0"] * 2
