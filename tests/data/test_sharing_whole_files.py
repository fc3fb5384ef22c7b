"""Sharding by file: each example once per epoch, equal steps for all workers, reproducible."""

import numpy as np
import pytest
import tensorflow as tf

from kerasdl import data
from kerasdl.data.sharing import Plan, Share
from kerasdl.distribute import sharing as distributed
from kerasdl.errors import InvalidInput


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Nine files of different lengths; the label of an example is its number."""
    folder = tmp_path_factory.mktemp("records")
    numbers = np.arange(203)
    pixels = (numbers[:, None, None, None] * np.ones((1, 4, 4, 1))).astype("uint8")
    names = tuple(map(str, numbers))
    labels = numbers.astype("int32")
    for first, rows, shards in ((0, 150, 4), (150, 203, 5)):
        part = slice(first, rows)
        source = {"train": (pixels[part], labels[part]), "test": (pixels[:9], labels[:9])}
        place = folder if not first else folder / "more"
        data.write_records(source, place, shards=shards, classes=names)
    merge(folder)
    return folder


def merge(folder):
    import json

    known = json.loads((folder / "features.json").read_text())
    more = json.loads((folder / "more" / "features.json").read_text())
    for file in (folder / "more").glob("train*"):
        file.rename(folder / file.name)
        known["counts"][file.name] = more["counts"][file.name]
    (folder / "features.json").write_text(json.dumps(known))


def load(folder, share=None, **options):
    options = {"batch_size": 10, "seed": 3, "shard": "file", **options}
    return data.load(folder, share=share, **options)


def epoch(dataset):
    return [labels.numpy() for _, labels in dataset]


@pytest.mark.parametrize(
    "replicas",
    [1, 3, pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)],
)
def test_each_example_is_read_once_in_equal_numbers_of_steps(folder, replicas):
    workers = [load(folder, Share(r, 1, replicas)) for r in range(replicas)]
    epochs = [[epoch(worker.train) for worker in workers] for _ in range(2)]
    for number, here in enumerate(epochs):
        assert {len(steps) for steps in here} == {21}
        assert all(len(part) for steps in here for part in steps)
        seen = np.concatenate([part for steps in here for part in steps])
        np.testing.assert_array_equal(np.sort(seen), np.arange(203))
        again = [load(folder, Share(r, 1, replicas)) for r in range(replicas)]
        for worker, steps in zip(again, here, strict=True):
            worker.epoch.assign(number - 1)
            for first, second in zip(epoch(worker.train), steps, strict=True):
                np.testing.assert_array_equal(first, second)
    first, second = (np.concatenate(here[0]) for here in epochs)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first), np.sort(second))  # a worker keeps its files
    sums = np.sum([[len(part) for part in steps] for steps in epochs[0]], axis=0)
    assert max(sums) <= 10 + replicas


def test_a_process_with_several_replicas_reads_their_parts_in_turn(folder):
    both = epoch(load(folder, Share(2, 2, 4)).train)
    for turn in (0, 1):
        alone = epoch(load(folder, Share(2 + turn, 1, 4)).train)
        for first, second in zip(both[turn::2], alone, strict=True):
            np.testing.assert_array_equal(first, second)


def test_the_rest_of_an_epoch_equals_its_end(folder):
    splits = load(folder, Share(1, 1, 2), augment="light")
    whole = list(splits.train)
    splits.epoch.assign(-1)
    for (x, y), (u, v) in zip(whole[5:], splits.rest(5), strict=True):
        np.testing.assert_array_equal(y, v)
        np.testing.assert_allclose(x, u, atol=1e-6)


@pytest.mark.parametrize("replicas", [2, 3])
def test_fractions_of_the_parts_are_those_of_their_examples(folder, replicas):
    share = Share(0, replicas, replicas)
    splits = load(folder, share)
    counts = splits.info.replicas
    assert sum(counts) == splits.info.counts["train"] == 203
    found = list(distributed.numbered(splits.train, share, 203, 10, counts))
    assert len(found) == 21 * replicas
    for step in range(21):
        here = found[step * replicas : (step + 1) * replicas]
        sizes = np.array([len(part.data[1]) for part in here])
        np.testing.assert_allclose([part.fraction for part in here], sizes / sizes.sum(), rtol=1e-6)
        assert all(part.counted for part in here)


def test_data_that_cannot_be_sharded_by_file_are_refused(folder):
    with pytest.raises(
        InvalidInput, match=r"at least one for each of the 12 replicas. Received: 9"
    ):
        load(folder, Share(0, 1, 12))
    with pytest.raises(InvalidInput, match="at least 25 examples, one a step"):
        Plan.of([90, 10], replicas=2, batch_size=4)
    with pytest.raises(InvalidInput, match=r"Expected TFRecord files\. Received: digits"):
        data.load("digits", shard="file")
    with pytest.raises(InvalidInput, match=r"`skip_bad`. Expected False with shard"):
        data.load(folder, shard="file", skip_bad=True)
    with pytest.raises(InvalidInput, match="Expected one of file, index"):
        data.load(folder, shard="files")


def test_a_file_with_another_number_of_records_is_named(folder, tmp_path):
    for file in folder.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    file = tmp_path / "train-00000-of-00004.tfrecord"
    file.write_bytes(file.read_bytes()[:-30])
    splits = load(tmp_path)
    with pytest.raises(tf.errors.OpError):
        list(splits.train)
    with pytest.raises(InvalidInput, match=r"train-00000-of-00004.tfrecord`. Expected 38 records"):
        splits.check()
