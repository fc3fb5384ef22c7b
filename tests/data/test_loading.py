"""`load`: splits of every dataset, order, resumption, and invalid input."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.data import catalog, sharing
from kerasdl.data.sets import shapes
from kerasdl.errors import InvalidInput
from tests.data.brown import make_package


def arrays(dataset):
    """Return all examples of a pipeline."""
    parts = list(dataset.as_numpy_iterator())
    return tf.nest.map_structure(lambda *batches: np.concatenate(batches), *parts)


def test_names_and_cards_need_no_tensorflow():
    code = (
        "import sys, kerasdl.data as data; print(len([data.card(n) for n in data.names()]));"
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(catalog.SETS)


@pytest.mark.rows("DAT-30")
@pytest.mark.parametrize("name", catalog.names())
def test_every_dataset_matches_its_info_and_is_reproducible(name, tmp_path, monkeypatch):
    make_package(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = {"count": 40} if name in ("shapes", "emoji") else {}
    splits = kerasdl.data.load(name, seed=3, **options)
    again = kerasdl.data.load(name, seed=3, **options)
    for split in ("train", "validation", "test"):
        first, second = (arrays(getattr(s, split)) for s in (splits, again))
        tf.nest.map_structure(np.testing.assert_array_equal, first, second)
        inputs, targets = first
        assert tf.nest.flatten(targets)[0].shape[0] == splits.info.counts[split]
        found = tf.nest.map_structure(lambda part: part.shape[1:], inputs)
        assert found == splits.info.shape
        kinds = {"regression": "float32", "series": "float32"}
        for array in tf.nest.flatten(targets):
            assert array.dtype == kinds.get(splits.info.task, "int32")
            assert np.all(np.isfinite(array))
        if splits.info.classes:
            padded = {-1} if name in ("copy", "entities", "liaisons") else set()
            assert set(np.unique(targets)) <= {*range(len(splits.info.classes)), *padded}
        if splits.info.vocabulary:
            assert max(part.max() for part in tf.nest.flatten(targets)) < len(
                splits.info.vocabulary
            )
    assert splits.info.card.startswith(catalog.card(name)[:20])


@pytest.mark.parametrize(
    "name", ["iris", "moons", "ring", "shapes", "sums", "copy", "sine", "seasons"]
)
def test_another_seed_gives_other_data(name):
    options = {"count": 40} if name == "shapes" else {}
    first, second = (
        arrays(kerasdl.data.load(name, seed=seed, **options).test)[0] for seed in (0, 1)
    )
    first, second = tf.nest.flatten(first)[0], tf.nest.flatten(second)[0]
    assert first.shape != second.shape or not np.array_equal(first, second)


@pytest.mark.rows("DAT-01")
def test_batches_of_a_hundred_are_32_32_32_4():
    splits = kerasdl.data.load("moons", count=200, validation=0, batch_size=32)
    assert [len(labels) for _, labels in splits.train] == [32, 32, 32, 4]
    assert len(splits.train) == 4
    assert splits.validation is None
    assert splits.info.counts["validation"] == 0


@pytest.mark.rows("BAS-19")
def test_the_order_depends_on_seed_and_epoch_and_keeps_all_examples():
    def orders(seed):
        splits = kerasdl.data.load("digits", seed=seed, batch_size=50)
        return [arrays(splits.train)[0].reshape(-1, 64) for _ in range(2)]

    first, second = orders(0)
    np.testing.assert_array_equal(orders(0), [first, second])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, orders(1)[0])
    np.testing.assert_array_equal(np.unique(first, axis=0), np.unique(second, axis=0))


def test_a_second_iterator_does_not_change_the_epoch():
    splits = kerasdl.data.load("digits", batch_size=50)
    _, expected = arrays(splits.train)
    splits.epoch.assign(-1)
    found, epoch = [], splits.train.as_numpy_iterator()
    for _, labels in epoch:
        found.append(labels)
        if len(found) == 5:
            next(iter(splits.train))
    np.testing.assert_array_equal(np.concatenate(found), expected)


def test_a_resumed_fit_sees_the_same_data_as_an_uninterrupted_one():
    import keras

    def fit(*periods):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(10))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
        for start, end in periods:
            splits = kerasdl.data.load("digits", augment="light")
            model.fit(
                splits.train,
                initial_epoch=start,
                epochs=end,
                callbacks=[splits.order_callback()],
                shuffle=False,
                verbose=0,
            )
        return model.get_weights()

    for whole, resumed in zip(fit((0, 3)), fit((0, 2), (2, 3)), strict=True):
        np.testing.assert_allclose(whole, resumed, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("share", [None, sharing.Share(first=1, here=2, total=3)])
def test_the_rest_of_an_epoch_equals_the_end_of_the_whole_epoch(share):
    splits = kerasdl.data.load("digits", augment="standard", mixup=0.2, share=share)
    splits.epoch.assign(4)
    whole = list(splits.train.as_numpy_iterator())
    splits.epoch.assign(4)
    rest = splits.rest(5)
    assert int(rest.cardinality()) == len(whole) * 8 // 13
    assert rest.element_spec == splits.train.element_spec  # so `fit` does not trace again
    for expected, batch in zip(whole[-int(rest.cardinality()) :], rest, strict=True):
        for a, b in zip(expected, batch, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.rows("DAT-04")
def test_validation_and_test_are_neither_shuffled_nor_augmented():
    plain = kerasdl.data.load("digits", seed=0)
    other = kerasdl.data.load("digits", seed=9, augment="strong")
    for split in ("validation", "test"):
        for first, second in zip(
            arrays(getattr(plain, split)), arrays(getattr(other, split)), strict=True
        ):
            np.testing.assert_array_equal(first, second)
    assert not np.array_equal(arrays(plain.train)[0], arrays(other.train)[0])


def test_images_are_resized():
    splits = kerasdl.data.load("digits", image_size=(12, 16))
    assert splits.info.shape == (12, 16, 1)
    assert arrays(splits.test)[0].shape == (899, 12, 16, 1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digits", {"batch_size": 0}, "`batch_size`. Expected a positive integer"),
        ("digits", {"batch_size": True}, "`batch_size`"),
        ("digits", {"seed": -1}, "`seed`. Expected an integer from 0"),
        ("digits", {"augment": "lihgt"}, "augmentation policy. Expected one of "),
        ("digits", {"splt": "half"}, "option for dataset `digits`. Expected one of split"),
        ("digits", {"split": "third"}, "Expected one of 1437, half. Received: third"),
        ("digits", {"validation": 1}, "`validation`. Expected a fraction in [0, 1)"),
        ("digits", {"validation": 0.9999}, "leaves something to train on"),
        ("digits", {"image_size": 100_000}, "half of this machine's memory"),
        ("digits", {"batch_size": 10**30}, "`batch_size`"),
        ("digits", {"batch_size": "1"}, "`batch_size`. Expected a positive integer."),
        (3, {}, "`name`"),
        ("moons", {"count": 10**12}, "`count`. Expected what fits into"),
        ("sums", {"count": 10**12, "digits": 7}, "`count`. Expected what fits into"),
        ("tones", {"count": 10**12}, "`count` and `steps`"),
        ("adding", {"count": 10**12}, "`count` and `steps`"),
        ("copy", {"count": 10**12}, "`count`, `delay` and `length`"),
        ("sine", {"count": 10**12}, "`count` and `window`"),
        ("shapes", {"count": 10**12}, "`count`, `image_size` and `objects`"),
        ("shapes", {"objects": 1_000_000}, "`objects`. Expected an integer from 1 to 4096"),
        (
            "shapes",
            {"clutter": 10**6},
            "`clutter`. Expected an integer of at least 0, at most 1000",
        ),
        ("digits", {"image_size": 0}, "`image_size`"),
        ("digits", {"mixup": 2}, "`mixup`. Expected a fraction in [0, 1]"),
        ("digist", {}, "name of a dataset. Expected one of 30 names (did you mean digits"),
        ("nist", {}, "mnist"),
        ("cifar", {}, "`kerasdl list data`"),
        ("iris", {"augment": True}, "`augment`. Expected a dataset of images"),
        ("iris", {"validation": 0.5, "test": 0.5}, "leave something to train on"),
        ("nothing/here.csv", {}, "an existing folder, .csv or .txt file"),
        ("nothing/here", {}, "an existing folder, .csv or .txt file"),
        ("shapes", {"elements": "clas"}, "element of `shapes`. Expected one of boxes"),
        ("shapes", {"elements": "boxes", "count": 20, "mixup": 0.2}, "one class an image"),
        ("shapes", {"held_out": "pink circle"}, "held-out pair of `shapes`"),
        (
            "shapes",
            {"held_out": shapes.PAIRS},
            "option `held_out`. Expected a pair left to train on. Received: all pairs",
        ),
        ("shapes", {"elements": 5}, "option `elements`. Expected a name or several, in a text"),
        ("sums", {"digits": 0}, "`digits`. Expected an integer from 1 to 7"),
        ("pydocs", {"tokens": "letters"}, "`tokens`. Expected one of"),
    ],
)
def test_invalid_input_is_refused_in_one_helpful_line(name, options, message):
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(name, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers():
    given = {"batch_size": np.int64(8), "seed": np.uint8(3), "skip_bad": np.bool_(False)}
    given |= {"image_size": np.int64(6), "mixup": np.float32(0.0), "validation": np.float64(0.25)}
    splits = kerasdl.data.load("digits", **given)
    assert splits.train.element_spec[0].shape[1:] == (6, 6, 1)
    assert splits.info.counts["validation"] == 225
    loaded = kerasdl.data.load("shapes", count=np.int64(20), image_size=(np.int64(8), 9))
    assert loaded.info.shape == (8, 9, 3)
