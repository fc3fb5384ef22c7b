"""Sources of several splits; pipelines, the order callback and errors of loaded splits."""

import numpy as np
import pytest
import tensorflow as tf

from kerasdl.data import pipeline
from kerasdl.data.examples import Arrays
from kerasdl.data.splits import NAMES, Info, Source, Splits

X, Y = np.arange(10.0).reshape(5, 2).astype("float32"), np.array([0, 1, 0, 1, 0])


def source(**parts):
    return Source("classification", **{"train": (X, Y), "validation": None, "test": None, **parts})


def test_arrays_become_examples_and_splits_are_counted():
    made = source(test=(X[:2], Y[:2]))
    assert isinstance(made.train, Arrays) and isinstance(made.test, Arrays)
    assert made.splits() == {"train": made.train, "validation": None, "test": made.test}
    assert made.counts() == {"train": 5, "validation": 0, "test": 2}
    assert NAMES == ("train", "validation", "test") and made.kind.name == "classification"


def test_map_changes_every_split_and_keeps_the_facts():
    made = source(test=(X[:2], Y[:2]), classes=("a", "b"))
    changed = made.map(lambda part: part.take(slice(1)))
    assert changed.counts() == {"train": 1, "validation": 0, "test": 1}
    assert changed.classes == ("a", "b") and made.counts()["train"] == 5


def loaded(**options):
    info = Info("made", "classification", ("a",), (2,), {}, "card")
    return Splits(None, None, None, info, pipeline.epoch_counter(), **options)


def test_error_of_tensorflow_is_replaced_by_one_that_names_the_example():
    checked = []

    def find():
        checked.append(True)
        raise ValueError("the third")

    with pytest.raises(ValueError, match="the third"), loaded(find_bad=find).naming_bad():
        raise tf.errors.DataLossError(None, None, "somewhere")
    with pytest.raises(tf.errors.DataLossError), loaded(find_bad=lambda: None).naming_bad():
        raise tf.errors.DataLossError(None, None, "somewhere")
    assert checked == [True]
    with loaded(find_bad=find).naming_bad():  # without an error, nothing is read again
        pass
    assert checked == [True]
    loaded().check()  # data in memory


def test_order_callback_sets_the_epoch():
    splits = loaded()
    callback = splits.order_callback()
    callback.on_epoch_begin(7, None)
    assert int(splits.epoch) == 6  # iterating adds one
    assert splits.info.kind.name == "classification"


def test_in_order_returns_batches_of_all_rows():
    found = [(int(e), rows.tolist()) for e, rows in pipeline.in_order(5, 2).as_numpy_iterator()]
    assert found == [(0, [0, 1]), (0, [2, 3]), (0, [4])]


def test_epoch_is_a_permutation_and_can_start_at_any_step():
    epoch = pipeline.epoch_counter()
    assert int(epoch) == -1 and not epoch.trainable

    def rows(first=0):
        return [
            (int(number), part.tolist())
            for number, part in pipeline.shuffled(10, 4, 3, epoch, first).as_numpy_iterator()
        ]

    whole = rows()
    assert [len(part) for _, part in whole] == [4, 4, 2]
    assert sorted(row for _, part in whole for row in part) == [*range(10)]
    assert {number for number, _ in whole} == {0} and int(epoch) == 0
    epoch.assign(-1)
    assert rows(first=1) == whole[1:]
    assert rows() != whole and int(epoch) == 1  # the next epoch has its own order


def test_choose_maps_places_and_epochs_to_rows():
    epoch = pipeline.epoch_counter()
    dataset = pipeline.shuffled(5, 2, 0, epoch, choose=lambda places, number: places * 10 + number)
    assert [part.tolist() for _, part in dataset.as_numpy_iterator()] == [[0, 10], [20, 30], [40]]
    assert [part.tolist() for _, part in dataset.as_numpy_iterator()] == [[1, 11], [21, 31], [41]]


def test_pipelines_include_the_last_batches():
    made = source(validation=(X[:3], Y[:3]))
    training = pipeline.Training(seed=0, epoch=pipeline.epoch_counter())
    found = pipeline.of_splits(made, 2, training)
    assert set(found) == {"train", "validation", "test", "rest"} and found["test"] is None
    assert [len(y) for _, y in found["train"]] == [2, 2, 1]
    (first, labels), (last, _) = found["validation"].as_numpy_iterator()
    np.testing.assert_array_equal(np.concatenate([first, last]), X[:3])
    assert labels.tolist() == [0, 1]
    assert len(found["train"]) == 3 and len(found["validation"]) == 2 and len(found["rest"](2)) == 1
    for name in ("train", "validation"):
        options = found[name].options()
        assert options.autotune.enabled is False and options.deterministic is True


def test_find_bad_reads_every_split():
    seen = []

    class Part(Arrays):
        def find_bad(self, batches):
            seen.append([rows.tolist() for rows in batches])

    made = source(train=Part(X, Y), validation=None, test=Part(X[:2], Y[:2]))
    epoch = pipeline.epoch_counter()
    epoch.assign(4)
    pipeline.find_bad(made, 0, epoch)
    (train,), test = seen
    assert sorted(train) == [*range(5)] and test == [[0, 1]]
    assert int(epoch) == 4  # unchanged
    epoch.assign(3)
    ((_, expected),) = pipeline.shuffled(5, 8, 0, epoch).as_numpy_iterator()
    assert train == expected.tolist()  # the order of the current epoch
