"""Signed distances to outlines, at points whose distance follows from geometry."""

import math

import numpy as np
import pytest

from kerasdl.data.sets import outlines, shapes
from kerasdl.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "point", "distance"),
    [
        ("circle", (0, 0), -0.9),
        ("circle", (0.6, -0.8), 0.1),
        ("square", (0, 0), -0.7),
        ("square", (0.2, -0.9), 0.2),
        ("square", (-0.8, 0.1), 0.1),
        ("triangle", (0, 0), -0.5),  # the inner radius of a triangle with tips at radius 1
        ("triangle", (0, -1), 0),
        ("triangle", (math.sqrt(3) / 2, 0.5), 0),
        ("triangle", (-math.sqrt(3) / 2, 0.5), 0),
        ("triangle", (0.1, 0.75), 0.25),
        ("cross", (0, 0), -0.28),
        ("cross", (0.9, 0.1), 0),
        ("cross", (-0.1, 0.95), 0.05),
        ("cross", (0.5, 0.5), 0.22),
    ],
)
def test_distances_of_points(name, point, distance):
    for x, y in {point, (-point[0], point[1])}:  # all are symmetric
        found = outlines.DISTANCES[name](np.float64(x), np.float64(y))
        assert found == pytest.approx(distance, abs=1e-9)


@pytest.mark.parametrize("number", range(5))
def test_star_has_tips_and_dents(number):
    for turn, radius in ((0, 1), (math.pi / 5, 0.42)):
        angle = 2 * math.pi / 5 * number + turn
        x, y = radius * math.sin(angle), -radius * math.cos(angle)  # the first tip is up
        assert outlines.star(np.float64(x), np.float64(y)) == pytest.approx(0, abs=1e-9)
        assert outlines.star(np.float64(0.9 * x), np.float64(0.9 * y)) < -0.01
        assert outlines.star(np.float64(1.1 * x), np.float64(1.1 * y)) > 0.01


def test_center_of_a_star_is_as_far_as_the_lines_of_its_edges():
    tip = np.array([1.0, 0.0])
    dent = 0.42 * np.array([math.cos(math.pi / 5), math.sin(math.pi / 5)])
    area = tip[0] * dent[1] - tip[1] * dent[0]  # of the parallelogram of both
    expected = -area / np.hypot(*(tip - dent))
    assert outlines.star(np.float64(0), np.float64(0)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("point", "distance"),
    [((2, 3), 2), ((0, 1), 1), ((-2, 5), 5), ((7, -3), 5), ((2, 1), 0), ((4, 1), 0)],
)
def test_distance_to_a_line_segment(point, distance):
    assert outlines.line(*map(np.float64, point), 1, 1, 4, 1) == pytest.approx(distance)


def test_segment_of_length_zero_is_a_point():
    assert outlines.line(np.float64(4), np.float64(5), 1, 1, 1, 1) == pytest.approx(5)


def test_cover_is_the_fraction_of_a_pixel():
    found = shapes._cover(np.array([-2, -0.5, -0.25, 0, 0.25, 0.5, 2]))
    assert found.tolist() == [1, 1, 0.75, 0.5, 0.25, 0, 0]


def test_box_is_around_the_pixels_in_fractions():
    inside = np.zeros((10, 20), bool)
    assert shapes._box(inside) == (0, 0, 0, 0)
    inside[3:7, 5:9] = True
    assert shapes._box(inside) == (5 / 20, 3 / 10, 9 / 20, 7 / 10)


def test_captions_join_objects():
    number, colors = np.array([1, 3]), np.array([[0, 1, 2], [5, 0, 3]])
    classes = np.array([[4, 0, 1], [0, 1, 4]])
    found = shapes._captions(number, colors, classes)
    assert found.shape == (2, 11) and found.dtype == "int32"
    words = [" ".join(shapes.CAPTION[token] for token in row).strip() for row in found]
    assert words == ["a red cross", "a cyan circle and a red square and a yellow cross"]


@pytest.mark.parametrize("objects", [1, 2, 4, 5])
def test_objects_lie_in_different_cells_of_a_grid(objects):
    side = math.ceil(math.sqrt(objects))
    x, y, radius = shapes._places(np.random.default_rng(0), 500, objects)
    assert x.shape == y.shape == radius.shape == (500, objects)
    assert 0.25 / side <= radius.min() < 0.26 / side and 0.41 / side < radius.max() <= 0.42 / side
    cells = np.floor(x * side) + side * np.floor(y * side)
    for row in cells:
        assert len(set(row)) == objects
    for center in (x, y):  # the whole circle lies in the cell
        assert (np.floor((center - radius + 1e-9) * side) == np.floor(center * side)).all()
        assert (np.floor((center + radius - 1e-9) * side) == np.floor(center * side)).all()
        free = center * side % 1 - radius * side
        room = 1 - 2 * radius * side
        assert (free / room).min() < 0.02 and (free / room).max() > 0.98


def test_brightness_of_colors_and_backgrounds_varies():
    rng = np.random.default_rng(0)
    images, known = shapes.draw(rng, 200, 24, 24, 1, [0])  # red circles
    red = np.array(shapes.COLORS["red"])
    centers = images[np.arange(200), *_centers(known)] / 255 / red
    assert 0.84 < centers[:, 0].min() < 0.88 and 1.02 < centers[:, 0].max() < 1.06
    background = images[:, 0, 0] / 255
    assert 0.68 < background.min() < 0.75 and 0.93 < background.max() <= 1


def _centers(known):
    x1, y1, x2, y2 = known["boxes"][:, 0].T * 24
    return ((y1 + y2) / 2).astype(int), ((x1 + x2) / 2).astype(int)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 9}, "value for argument `count`. Expected an integer of at least 10. Received"),
        ({"clutter": -1}, "value for argument `clutter`. Expected an integer of at least 0. Recei"),
        ({"noise": 1.5}, "value for argument `noise`. Expected a fraction in [0, 1]. Received: 1."),
        ({"objects": 65}, "value for argument `objects`. Expected an integer from 1 to 64. Recei"),
        (
            {"elements": ()},
            "option `elements`. Expected one of class, colour, count, boxes, mask, instances, "
            "caption. Received: none",
        ),
        (
            {"elements": 5},
            "value for option `elements`. Expected a name or several, in a text with commas or a "
            "list. Received: 5",
        ),
        (
            {"held_out": {1}},
            "value for option `held_out`. Expected a name or several, in a text with commas or a "
            "list. Received: {1}",
        ),
        ({"elements": "clas"}, "element of `shapes`. Expected one of boxes, caption, class, "),
        ({"held_out": "pink circle"}, "held-out pair of `shapes`. Expected one of 30 names"),
        (
            {"held_out": shapes.PAIRS},
            "option `held_out`. Expected a pair left to train on. Received: all pairs",
        ),
    ],
)
def test_invalid_options_are_named(options, message):
    with pytest.raises(InvalidInput) as caught:
        shapes.shapes(0, **{"count": 20, "image_size": 8, **options})
    assert str(caught.value).startswith(f"Invalid {message}")


def test_options_at_their_limits():
    source = shapes.shapes(0, 10, 8, objects=64, clutter=0, noise=1.0)
    assert source.counts() == {"train": 8, "validation": 1, "test": 1}
    counted = shapes.shapes(0, 29, 8, elements="count", objects=2)
    assert counted.counts() == {"train": 25, "validation": 2, "test": 2}
    assert counted.classes == ("0", "1", "2") and counted.task == "classification"
    listed = shapes.shapes(0, 20, 8, elements=["class"], objects=1)
    assert set(listed.train.targets) == {"class"} and listed.task == "elements"
    spaced = shapes.shapes(0, 20, 8, elements="class , boxes")
    assert set(spaced.train.targets) == {"class", "boxes"} and spaced.task == "boxes"
    many = shapes.shapes(0, 20, 8, elements="colour", objects=2)
    assert many.task == "elements" and many.classes == shapes.SHAPES
    assert many.train.targets.shape == (16, 2)
    captions = shapes.shapes(0, 20, 8, elements="caption")
    assert captions.vocabulary == shapes.CAPTION and spaced.vocabulary is None
