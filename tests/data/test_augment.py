"""Augmentation of images, boxes and masks, and random numbers of each example."""

import numpy as np
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.data import augment, pipeline, policies
from kerasdl.data import images as data_images
from kerasdl.data.examples import Arrays
from kerasdl.utils import patches

IMAGES = np.random.default_rng(0).integers(0, 256, (37, 12, 12, 3), dtype="uint8")


def augmented(policy, batch_size, epochs=1, seed=0, workers=2):
    """Return the augmented images of the last epoch, in the order of their rows."""
    rows = np.arange(len(IMAGES), dtype="int32")
    counter = pipeline.epoch_counter()
    sizes = [len(part) for part in np.split(rows, range(batch_size, len(rows), batch_size))]
    with patches.replaced(data_images, "WORKERS", workers):
        dataset = pipeline.to_elements(
            pipeline.shuffled(len(IMAGES), batch_size, seed, counter),
            Arrays(IMAGES, rows),
            sizes,
            augment=lambda x, y, epoch, rows: augment.augment(
                x, y, policy=policies.POLICIES[policy], seed=seed, epoch=epoch, rows=rows
            ),
        )
    for _ in range(epochs):
        batches = list(dataset.as_numpy_iterator())
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return pixels[np.argsort(labels)]


@pytest.mark.parametrize("policy", list(policies.POLICIES))
def test_batch_size_and_workers_do_not_change_the_result(policy):
    expected = augmented(policy, batch_size=5, workers=1)
    np.testing.assert_allclose(augmented(policy, batch_size=16, workers=4), expected, atol=1e-5)
    assert expected.dtype == np.float32
    assert expected.min() >= 0
    assert expected.max() <= 1


@pytest.mark.parametrize("policy", list(policies.POLICIES))
def test_each_epoch_and_seed_augments_differently(policy):
    first = augmented(policy, 8)
    assert np.abs(first - augmented(policy, 8, epochs=2)).mean() > 0.01
    assert np.abs(first - augmented(policy, 8, seed=1)).mean() > 0.01


def test_random_numbers_are_uniform_and_independent():
    numbers = augment.uniform(3, 5, tf.range(100_000), 4).numpy()
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = [np.histogram(column, bins=20, range=(0, 1))[0] for column in numbers.T]
    np.testing.assert_allclose(counts, 5000, rtol=0.06)  # four standard deviations
    neighbours = np.concatenate([numbers[:-1], numbers[1:]], axis=1)
    correlations = np.corrcoef(neighbours.T) - np.eye(8)
    assert abs(correlations).max() < 0.015
    next_epoch = augment.uniform(3, 6, tf.range(100_000), 1).numpy()
    assert abs(np.corrcoef(numbers[:, 0], next_epoch[:, 0])[0, 1]) < 0.015


def apply(images, targets=(), **amounts):
    return augment.augment(
        tf.constant(images),
        targets,
        policy=augment.Policy(**amounts),
        seed=0,
        epoch=0,
        rows=tf.range(len(images)),
    )


@pytest.mark.rows("DAT-11")
def test_half_of_the_images_are_flipped():
    images = np.tile(IMAGES[:1], (1000, 1, 1, 1))
    moved, _ = apply(images, flip=True)
    plain = images[0] / np.float32(255)
    flipped = [np.allclose(image, plain[:, ::-1]) for image in moved]
    kept = [np.allclose(image, plain) for image in moved]
    assert sum(flipped) + sum(kept) == 1000
    assert 450 < sum(flipped) < 550


def test_a_shift_is_a_crop_of_the_reflected_image():
    moved, _ = apply(IMAGES, shift=0.25)
    padded = np.pad(IMAGES / np.float32(255), ((0, 0), (3, 3), (3, 3), (0, 0)), "reflect")
    places = []
    for image, whole in zip(moved.numpy(), padded, strict=True):
        found = [
            (y, x)
            for y in range(7)
            for x in range(7)
            if np.allclose(image, whole[y : y + 12, x : x + 12], atol=1e-6)
        ]
        assert len(found) == 1
        places += found
    assert len(set(places)) > 15


def test_nothing_is_mirrored_into_images_with_boxes_or_masks():
    images = np.full((50, 8, 8, 1), 255, "uint8")
    boxes = np.tile(np.float32([0, 0, 1, 1]), (50, 1, 1))
    masks = np.ones((50, 8, 8), "uint8")
    moved, targets = apply(images, {"boxes": boxes, "mask": masks}, shift=0.5)
    np.testing.assert_array_equal(moved[..., 0], targets["mask"])  # black where nothing is
    corners = np.rint(targets["boxes"][:, 0] * 8).astype(int)
    for mask, (left, top, right, bottom) in zip(targets["mask"].numpy(), corners, strict=True):
        expected = np.zeros((8, 8))
        expected[top:bottom, left:right] = 1
        np.testing.assert_array_equal(mask, expected)


def test_an_empty_policy_changes_nothing():
    moved, _ = apply(IMAGES)
    np.testing.assert_allclose(moved, IMAGES / 255.0, atol=1e-6)


def test_rotation_and_zoom_keep_the_center_and_angles_are_in_range():
    image = np.zeros((500, 21, 21, 1), "float32")
    image[:, 10, 10] = 1
    moved = apply(image, rotate=15, zoom=0.1)[0].numpy()[..., 0]
    brightest = [np.unravel_index(np.argmax(m), m.shape) for m in moved]
    assert set(brightest) == {(10, 10)}
    line = np.zeros((500, 41, 41, 1), "float32")
    line[:, 20, :] = 1
    moved = apply(line, rotate=15)[0].numpy()[..., 0]
    rise = [np.argmax(m[:, 36]) - np.argmax(m[:, 4]) for m in moved]
    angles = np.rad2deg(np.arctan2(rise, 32))
    assert abs(angles).max() < 16.5
    assert angles.min() < -12
    assert angles.max() > 12


def test_changes_of_color_equal_their_formulas():
    images = IMAGES[:8] / np.float32(255)
    amounts = np.array((0.1, 0.3, 0.2), "float32")
    draws = augment.uniform(0, 0, tf.range(8), 10).numpy()[:, 5:8]
    names = ("brightness", "contrast", "saturation")
    moved, _ = apply(images * 0.4 + 0.2, **dict(zip(names, amounts.tolist(), strict=True)))
    for image, draw, result in zip(images * 0.4 + 0.2, draws, moved.numpy(), strict=True):
        brightness, contrast, saturation = 1 + (2 * draw - 1) * amounts
        gray = image @ np.array(augment.LUMA, "float32")
        expected = saturation * image + (1 - saturation) * gray[..., None]
        expected = contrast * expected + (1 - contrast) * gray.mean()
        np.testing.assert_allclose(result, brightness * expected, atol=1e-5)


def test_erasing_draws_a_gray_square():
    images = np.ones((20, 20, 20, 3), "float32")
    erased = apply(images, erase=0.3)[0].numpy()
    assert set(np.unique(erased)) == {np.float32(0.5), np.float32(1)}
    areas = (erased[..., 0] == 0.5).sum(axis=(1, 2))
    assert areas.max() == 36
    assert areas.min() > 0


@pytest.mark.rows("DAT-25")
@pytest.mark.parametrize("policy", ["crop_flip", "light", "strong"])
def test_boxes_and_masks_move_with_their_images(policy):
    splits = kerasdl.data.load(
        "shapes", count=60, elements=("boxes", "mask"), augment=policy, batch_size=48
    )
    _, targets = next(iter(splits.train))
    assert targets["mask"].shape == (48, 64, 64)
    checked = 0
    for mask, (box,) in zip(targets["mask"].numpy(), targets["boxes"].numpy(), strict=True):
        assert 0 <= box.min() <= box.max() <= 1
        rows, columns = np.nonzero(mask)
        inside = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        slack = np.array(inside) / 64 - box
        assert slack[:2].min() > -0.03, "the mask lies in its box"
        assert slack[2:].max() < 0.03
        if policy == "crop_flip" and box.min() > 0 and box.max() < 1:
            np.testing.assert_allclose(slack, 0, atol=1e-6)
            checked += 1
    assert policy != "crop_flip" or checked > 20


@pytest.mark.parametrize("element", ["boxes", "mask"])
def test_a_single_element_moves_as_in_a_dictionary(element):
    options = {"count": 20, "augment": "crop_flip", "batch_size": 20}
    _, alone = next(iter(kerasdl.data.load("shapes", elements=element, **options).train))
    _, several = next(iter(kerasdl.data.load("shapes", elements="boxes,mask", **options).train))
    np.testing.assert_array_equal(alone, several[element])


@pytest.mark.parametrize("amounts", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1}])
def test_mixing_is_reproducible_and_mixes_labels_with_images(amounts):
    def two_epochs():
        splits = kerasdl.data.load("digits", batch_size=100, **amounts)
        epochs = [list(splits.train.as_numpy_iterator()) for _ in range(2)]
        return epochs, next(splits.test.as_numpy_iterator())

    (first, second), (_, plain) = two_epochs()
    (again, _), _ = two_epochs()
    for (images, labels), (other, mixed) in zip(first, again, strict=True):
        np.testing.assert_array_equal(images, other)
        np.testing.assert_array_equal(labels, mixed)
        np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)
    assert (first[0][1].max(axis=1) < 0.99).mean() > 0.2
    assert not np.array_equal(first[0][1], second[0][1])
    assert set(np.unique(plain)) == {0, 1}
    assert plain.shape == (100, 10)
