"""Random numbers, positions, boxes and colors of augmentation equal formulas in NumPy."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kerasdl.data import augment, policies
from kerasdl.data.policies import Policy
from kerasdl.errors import InvalidInput


def murmur(state):
    """Finalize as MurmurHash3 does for 32 bits (Appleby, 2011), in Python's integers."""
    state = state % 2**32
    state = (state ^ state >> 16) * 0x85EBCA6B % 2**32
    state = (state ^ state >> 13) * 0xC2B2AE35 % 2**32
    return state ^ state >> 16


def test_hash_has_the_known_values():
    # the finalizer of 1 and of 2**32 - 1 as the reference implementation gives them
    assert murmur(1) == 0x514E28B7 and murmur(0) == 0
    values = [1, 0, 2**32 - 1, 12345, 2**31]
    found = augment._mix(tf.constant(values, "int64")).numpy().tolist()
    assert found == [murmur(value) for value in values]


def test_uniform_numbers_are_24_bits_of_nested_hashes():
    found = augment.uniform(7, 3, tf.constant([0, 5, 70_000]), 4).numpy()
    for row, numbers in zip((0, 5, 70_000), found, strict=True):
        state = murmur(murmur(murmur(7) + 3 * 0x9E3779B1) + row * 0x85EBCA77)
        expected = [murmur(state + k * 0xC2B2AE3D) >> 8 for k in (1, 2, 3, 4)]
        assert (numbers * 2**24).tolist() == expected


def transforms(draw, policy, size=(9, 13)):
    return augment._transforms(policy, tf.fill((1, 10), float(draw)), size).numpy()[0]


@pytest.mark.parametrize(("draw", "sign"), [(1, 1), (0, -1), (0.5, 0), (0.75, 0.5)])
@pytest.mark.parametrize("flip", [False, True])
def test_largest_draws_give_the_whole_amounts(draw, sign, flip):
    policy = Policy(shift=0.25, rotate=30, zoom=0.2, flip=flip)
    a, b, c, d, e, f, *rest = transforms(draw, policy)
    angle, scale = math.radians(30 * sign), 1 + 0.2 * sign
    mirror = -1 if flip and draw < 0.5 else 1
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = scale * np.array([[mirror * cosine, -sine], [mirror * sine, cosine]])
    np.testing.assert_allclose([[a, b], [d, e]], matrix, atol=1e-6)
    center = np.array([6.0, 4.0])  # of 13 columns and 9 rows
    moved = matrix @ center + [c, f]
    np.testing.assert_allclose(moved, center + sign * 0.25 * np.array([13, 9]), atol=1e-5)
    assert rest == [0, 0]


def test_shift_alone_is_whole_pixels():
    a, b, c, d, e, f, *_ = transforms(1, Policy(shift=0.2))
    assert (a, b, d, e) == (1, 0, 0, 1)
    assert (c, f) == (3, 2)  # 0.2 of 13 columns is 2.6, and of 9 rows 1.8
    _, _, c, _, _, f, *_ = transforms(1, Policy(shift=0.2, zoom=0.5))
    # scaled by 1.5 about the center: 6 - 1.5 * 6 + 2.6 and 4 - 1.5 * 4 + 1.8
    np.testing.assert_allclose([c, f], [-0.4, -0.2], atol=1e-6)


def test_positions_are_mirrored_without_repeating_the_edge():
    positions = tf.range(-4, 8)
    found = augment._mirror(positions, 4).numpy().tolist()
    # as np.pad(range(4), 3, "reflect"), and the edge beyond
    assert found[1:-1] == np.pad(np.arange(4), 3, "reflect").tolist()
    assert augment._mirror(tf.constant([-9, 20]), 4).numpy().tolist() == [0, 0]


def test_picked_pixels_are_shifted_and_mirrored():
    images = np.arange(2 * 3 * 4).reshape(2, 3, 4, 1)
    # the first moves by one column and two rows; the second is mirrored
    moves = np.array([[1, 0, 1, 0, 1, 2, 0, 0], [-1, 0, 3, 0, 1, 0, 0, 0]], "float32")
    found = augment._pick(tf.constant(images), tf.constant(moves)).numpy()
    padded = np.pad(images[0], ((2, 2), (1, 1), (0, 0)), "reflect")
    np.testing.assert_array_equal(found[0], padded[4:7, 2:6])
    np.testing.assert_array_equal(found[1], images[1, :, ::-1])


def moved(boxes, move, size=(10, 20)):
    boxes, move = np.array([[boxes]], "float32"), np.array([move], "float32")
    return augment._move_boxes(tf.constant(boxes), tf.constant(move), size).numpy()[0, 0]


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ([1, 0, 0, 0, 1, 0], (0.1, 0.2, 0.4, 0.6)),
        # output pixel x shows input pixel x + 2 of 20, and y shows y - 1 of 10
        ([1, 0, 2, 0, 1, -1], (0.0, 0.3, 0.3, 0.7)),
        ([-1, 0, 19, 0, 1, 0], (0.6, 0.2, 0.9, 0.6)),  # mirrored
        # twice as large: edges are half a pixel from centers, so 2 becomes 2 (2 - 0.5) + 0.5
        ([0.5, 0, 0, 0, 0.5, 0], (3.5 / 20, 3.5 / 10, 15.5 / 20, 1.0)),
        ([1, 0, -19, 0, 1, 0], (0.0, 0.0, 0.0, 0.0)),  # outside
    ],
)
def test_boxes_move_with_pixels_and_are_clipped(move, expected):
    np.testing.assert_allclose(moved((0.1, 0.2, 0.4, 0.6), move), expected, atol=1e-6)


def test_box_of_a_rotated_image_is_around_its_corners():
    # a quarter turn of a square image: the output pixel (x, y) shows (9 - y, x)
    found = moved((0.1, 0.2, 0.4, 0.8), [0, -1, 9, 1, 0, 0], (10, 10))
    np.testing.assert_allclose(found, (0.2, 0.6, 0.8, 0.9), atol=1e-6)


def test_empty_boxes_do_not_move():
    assert moved((0, 0, 0, 0), [1, 0, 5, 0, 1, 5]).tolist() == [0, 0, 0, 0]


def test_erased_square_has_its_center_at_the_draw():
    images = np.zeros((2, 8, 10, 1), "float32")
    draws = np.array([[0.5, 0.5], [0.0, 1.0]], "float32")
    found = augment._erase(tf.constant(images), 0.5, tf.constant(draws)).numpy()[..., 0]
    expected = np.zeros((2, 8, 10))
    # pixel centers at less than 2 from row 4, and less than 2.5 from column 5
    expected[0, 2:6, 3:7] = 0.5
    expected[1, :2, 8:] = 0.5
    np.testing.assert_array_equal(found, expected)


def test_brightness_and_contrast_of_gray_images():
    images = np.random.default_rng(0).uniform(0.3, 0.5, (3, 4, 5, 1)).astype("float32")
    draws = np.array([[1, 0.5, 0], [0, 1, 1], [0.5, 0, 0.25]], "float32")
    policy = Policy(brightness=0.2, contrast=0.4, saturation=0.9)
    found = augment._change_colors(tf.constant(images), policy, tf.constant(draws)).numpy()
    for image, (brightness, contrast, _), result in zip(images, 2 * draws - 1, found, strict=True):
        mean = image.mean()
        expected = (1 + 0.2 * brightness) * ((1 + 0.4 * contrast) * (image - mean) + mean)
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_gray_level_is_the_luma_of_bt_601():
    assert augment.LUMA == (0.299, 0.587, 0.114) and sum(augment.LUMA) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "right", "bad"),
    [
        ("shift", (0, 0.99), (-0.1, 1, float("nan"))),
        ("rotate", (0, 180), (-1, 180.5)),
        ("zoom", (0, 0.99), (-0.1, 1)),
        ("brightness", (0, 0.99), (-0.1, 1)),
        ("contrast", (0, 0.99), (-0.1, 1)),
        ("saturation", (0, 0.99), (-0.1, 1)),
        ("erase", (0, 1), (-0.1, 1.01)),
        ("flip", (False, True), (1, None)),
    ],
)
def test_amounts_of_a_policy_are_limited(name, right, bad):
    for value in right:
        assert getattr(Policy(**{name: value}), name) == value
    for value in bad:
        with pytest.raises(InvalidInput, match=f"`{name}`"):
            Policy(**{name: value})


def test_policies_are_found_by_name_and_true_is_the_standard():
    assert policies.policy(True) is policies.policy("standard") is policies.POLICIES["standard"]
    assert policies.policy(np.bool_(True)) is policies.POLICIES["standard"]
    assert policies.policy(False) is policies.policy(None) is None
    own = Policy(shift=0.5)
    assert policies.policy(own) is own
    with pytest.raises(InvalidInput) as caught:
        policies.policy("lihgt")
    assert str(caught.value) == (
        "Invalid augmentation policy. Expected one of crop_flip, light, standard, strong. "
        "Received: lihgt"
    )


def test_policies_differ_in_what_they_change():
    used = {
        name: {field for field, amount in vars(policy).items() if amount}
        for name, policy in policies.POLICIES.items()
    }
    colors = {"brightness", "contrast", "saturation"}
    assert used == {
        "light": {"shift", "rotate", "zoom"},
        "crop_flip": {"shift", "flip"},
        "standard": {"shift", "flip", *colors},
        "strong": {"shift", "rotate", "zoom", "flip", "erase", *colors},
    }
    assert vars(Policy()) == {**dict.fromkeys(vars(Policy()), 0.0), "flip": False}
