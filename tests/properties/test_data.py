"""Every dataset with any options is as described, or an error names what is wrong."""

import hypothesis
import pytest
import tensorflow as tf
from hypothesis import strategies as st

import kerasdl.data
from kerasdl.data import sharing
from kerasdl.errors import InvalidInput
from tests.data.brown import make_package
from tests.properties.common import check_message, settings

ANYTHING = [0, 1, -1, 2, 3, 0.5, 1.5, "x", "", None, True, (), [1], {}, b"x", 40, 1e300]
ANYTHING += [float("nan"), float("inf"), (1, 2), "half", "characters"]
COMMON = {
    "batch_size": st.sampled_from([1, 7, 64, *ANYTHING]),
    "image_size": st.sampled_from([None, 4, 9, (5, 6), (0, 3), *ANYTHING]),
    "augment": st.sampled_from([False, True, "light", "strong", *ANYTHING]),
    "mixup": st.sampled_from([0.0, 0.2, 1, *ANYTHING]),
    "cutmix": st.sampled_from([0.0, 0.2, 1, *ANYTHING]),
    "seed": st.sampled_from([0, 5, 2**31, 2**40, *ANYTHING]),
    "skip_bad": st.sampled_from([True, False, *ANYTHING]),
    "share": st.sampled_from([None, sharing.Share(1, 1, 3), *ANYTHING]),
}
SMALL = {
    "shapes": {"count": 20},
    "emoji": {"count": 20, "image_size": 8},
    "tones": {"count": 100, "steps": 32},
    "pronunciations": {"count": 40},
    "world_dates": {"count": 40},
    "dates": {"count": 60},
    "stories": {"count": 60},
    "sums": {"count": 60},
    "copy": {"count": 30},
    "adding": {"count": 30},
}


def check_splits(splits):
    for split in ("train", "validation", "test"):
        dataset = getattr(splits, split)
        assert (dataset is None) == (splits.info.counts[split] == 0)
        if dataset is None:
            continue
        inputs, _ = next(iter(dataset.take(1)))
        shapes = tf.nest.map_structure(lambda part: tuple(part.shape[1:]), inputs)
        assert shapes == splits.info.shape
        assert all(
            bool(tf.reduce_all(tf.math.is_finite(tf.cast(x, "float32")))) for x in flat(inputs)
        )


def flat(inputs):
    return tf.nest.flatten(inputs)


def load_or_say(name, chosen):
    try:
        splits = kerasdl.data.load(name, **chosen)
    except InvalidInput as error:
        return check_message(error)
    check_splits(splits)


@pytest.mark.parametrize("name", ["digits", "shapes", "iris", "sums", "moons"])
def test_load_with_random_arguments(name):
    @settings(12)
    @hypothesis.given(st.sets(st.sampled_from(sorted(COMMON)), min_size=1, max_size=2), st.data())
    def check(arguments, data):
        chosen = {argument: data.draw(COMMON[argument]) for argument in sorted(arguments)}
        load_or_say(name, {**SMALL.get(name, {}), **chosen})

    check()


@pytest.mark.parametrize("name", kerasdl.data.names())
def test_dataset_with_random_options(name, tmp_path, monkeypatch):
    make_package(tmp_path)
    monkeypatch.chdir(tmp_path)
    known = sorted(kerasdl.data.options(name))

    @settings(len(known) * 3)
    @hypothesis.given(st.sampled_from(known), st.sampled_from(ANYTHING))
    def check(option, value):
        load_or_say(name, {**SMALL.get(name, {}), option: value})

    check()
