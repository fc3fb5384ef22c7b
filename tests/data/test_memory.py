"""The memory that a dataset would take is computed from its arrays before any is made."""

import pytest

from kerasdl.data import catalog
from kerasdl.utils import checks


class Asked(Exception):
    """Ends a function when it asks for memory."""


@pytest.fixture
def asked(monkeypatch):
    """A function that returns the bytes and the arguments that a dataset checks."""

    def memory(needed, **values):
        raise Asked(needed, values)

    monkeypatch.setattr(checks, "memory", memory)

    def ask(name, **options):
        with pytest.raises(Asked) as caught:
            catalog.find(name)(0, **options)
        return caught.value.args

    return ask


@pytest.mark.parametrize("name", ["moons", "ring", "grid", "swiss_roll"])
def test_points_take_five_arrays_of_two_doubles(name, asked):
    assert asked(name, count=30) == (30 * 5 * 2 * 8, {"count": 30})


def test_adding_takes_five_arrays_of_floats(asked):
    needed, values = asked("adding", count=30, steps=7)
    assert needed == 5 * 30 * 7 * 4 and values == {"count": 30, "steps": 7}


def test_seasons_take_ten_windows_for_each_hour(asked):
    needed, values = asked("seasons", count=300, window=6, horizon=2)
    assert needed == 10 * 300 * (6 + 2) * 4 and values == {"count": 300, "window": 6}


def test_copy_takes_three_arrays_of_integers(asked):
    needed, values = asked("copy", count=30, delay=7, length=3)
    assert needed == 3 * 30 * (3 + 7 + 3) * 4
    assert values == {"count": 30, "delay": 7, "length": 3}


def test_sine_takes_a_window_for_each_step(asked):
    # ten numbers of each step besides its window, as floats
    needed, values = asked("sine", count=300, window=6, horizon=2)
    assert needed == 300 * (6 + 10) * 4 and values == {"count": 300, "window": 6}


def test_tones_take_six_arrays_of_doubles(asked):
    needed, values = asked("tones", count=100, steps=50)
    assert needed == 6 * 100 * 50 * 8 and values == {"count": 100, "steps": 50}


def test_sums_take_a_kilobyte_each(asked):
    assert asked("sums", count=70) == (70_000, {"count": 70})


def test_shapes_take_bytes_of_images_and_integers_of_masks(asked):
    needed, values = asked("shapes", count=30, image_size=(8, 10), objects=5)
    images = 30 * 8 * 10 * (3 + 4 + 4)  # three bytes and two int32 of each pixel
    drawing = 40 * 8 * 10 * (3 + 4 + 4)  # of one image at a time
    assert needed == images + drawing + 30 * 5 * 150
    assert values == {"count": 30, "image_size": (8, 10), "objects": 5}


def test_emoji_take_bytes_of_images_and_of_a_larger_one(asked):
    needed, values = asked("emoji", count=30, image_size=(8, 10))
    assert needed == (30 + 2 * 2) * 8 * 10 * 3 and values == {"image_size": (8, 10)}
