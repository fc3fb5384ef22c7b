"""Classic image filters, compared with SciPy, TensorFlow and worked examples."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage, signal

from kerasdl.formulas import filters

IMAGE = np.random.default_rng(0).uniform(0, 255, (8, 9))
PATCH = np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])
FLAT = np.full((3, 3), 220)
STEP = np.repeat([[0, 0, 0, 255, 255, 255]], 6, axis=0)  # a vertical edge
LOOP = np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]])


def inside(image):
    return image[1:-1, 1:-1]


@pytest.mark.rows("E-05")
def test_edges_are_the_negative_laplacian_and_zero_on_flat_images(same):
    same(
        filters.edges,
        "scipy.ndimage.laplace",
        filters.edges(IMAGE),
        -inside(ndimage.laplace(IMAGE)),
    )
    assert [filters.edges(x).max() for x in (PATCH, FLAT, STEP)] == [60, 0, 255]


@pytest.mark.rows("E-20")
def test_blur_and_sharpen(same):
    theirs = inside(ndimage.uniform_filter(IMAGE, 3))
    same(filters.blur, "scipy.ndimage.uniform_filter", filters.blur(IMAGE), theirs)
    theirs = inside(IMAGE - ndimage.laplace(IMAGE))
    same(filters.sharpen, "scipy.ndimage.laplace", filters.sharpen(IMAGE), theirs)
    assert filters.blur(PATCH).item() == pytest.approx(115.5556)
    assert filters.sharpen(PATCH).item() == 280
    assert filters.blur(FLAT).item() == pytest.approx(220) == filters.sharpen(FLAT).item()
    assert filters.blur(IMAGE).std() < inside(IMAGE).std() < filters.sharpen(IMAGE).std()


@pytest.mark.rows("E-21")
def test_sobel(same):
    slopes = tf.image.sobel_edges(tf.constant(IMAGE[None, ..., None]))[0, :, :, 0]
    down, along = np.moveaxis(inside(slopes.numpy()), -1, 0)
    ours = filters.sobel(IMAGE)
    same(filters.sobel, "tf.image.sobel_edges", ours, [along, down, np.hypot(along, down)])
    assert [part.max() for part in filters.sobel(STEP)] == [1020, 0, 1020]
    np.testing.assert_array_equal(np.outer([1, 2, 1], [-1, 0, 1]), filters.SOBEL_X)


def test_a_template_matches_best_where_it_was_placed(same):
    image = np.random.default_rng(1).choice([-1.0, 1.0], (9, 9))
    image[4:7, 2:5] = LOOP
    ours = filters.template_strength(image, LOOP)
    theirs = signal.correlate2d(image, LOOP, "valid") / 9
    same(filters.template_strength, "scipy.signal.correlate2d", ours, theirs)
    assert np.unravel_index(ours.argmax(), ours.shape) == (4, 2)
    assert ours.max() == 1


@pytest.mark.rows("E-06")
def test_template_strengths_of_a_nine():
    rows = ["01110", "01010", "01110", "00010", "00010", "00100", "01000"]
    nine = np.array([[1 if pixel == "1" else -1 for pixel in row] for row in rows])
    found = [[-1, 9, -1], [-5, 1, -3], [-3, 3, -3], [-5, -1, -5], [-3, -5, -3]]
    assert (9 * filters.template_strength(nine, LOOP)).round(9).tolist() == found
    assert sum((nine[:3, :3] * LOOP).ravel()) == -1  # with all nine terms
