"""Parts of batches for replicas and workers, which together are the batches in order."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasdl import data
from kerasdl.data import sharing
from kerasdl.data.sharing import Plan, Share, bounds
from kerasdl.errors import InvalidInput


@pytest.mark.parametrize("total", [1, 2, 3, 8])
def test_parts_are_consecutive_and_of_similar_size(total):
    for rows in range(total, 40):
        ends = [bounds(rows, replica, total) for replica in range(total)]
        (first, _), (_, last) = ends[0], ends[-1]
        assert (first, last) == (0, rows)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(ends))
        sizes = [last - first for first, last in ends]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1


def test_few_rows_go_to_all_replicas_and_tensors_equal_integers():
    few = [bounds(2, replica, 4) for replica in range(4)]
    assert not {(0, 2)}.symmetric_difference(few)
    for rows, total in ((2, 4), (7, 3)):
        for replica in range(total):
            found = bounds(tf.constant(rows, "int64"), tf.constant(replica, "int64"), total)
            assert tuple(int(n) for n in found) == bounds(rows, replica, total)


SHARES = {
    "two workers": [Share(0, 1, 2), Share(1, 1, 2)],
    "two workers of two": [Share(0, 2, 4), Share(2, 2, 4)],
    "three devices": [Share(0, 3, 3)],
}


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("name", ["digits", "shapes"])
def test_workers_together_read_the_epoch_of_one(name, shares):
    options = {"count": 73} if name == "shapes" else {}
    options = {"batch_size": 31, "augment": "light", "seed": 3, **options}
    whole = data.load(name, **options).train
    parts = []
    for share in shares:
        train = data.load(name, share=share, **options).train
        assert len(train) == share.here * len(whole)
        elements = list(train)
        parts.append([elements[i : i + share.here] for i in range(0, len(elements), share.here)])
    for step, (x, y) in enumerate(whole):
        here = [part for worker in parts for part in worker[step]]
        if len(y) < shares[0].total:
            assert all(len(labels) == len(y) for _, labels in here)
            here = here[:1]
        np.testing.assert_array_equal(np.concatenate([b for _, b in here]), y)
        np.testing.assert_allclose(np.concatenate([a for a, _ in here]), x, atol=1e-6)


def test_workers_together_read_all_images(tmp_path):
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        pixels = random.integers(0, 255, (8, 8, 3), "uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
    options = {"batch_size": 7, "seed": 1}
    whole = data.load(tmp_path, **options).train
    workers = [list(data.load(tmp_path, share=Share(w, 1, 2), **options).train) for w in (0, 1)]
    for (x, y), *here in zip(whole, *workers, strict=True):
        np.testing.assert_array_equal(np.concatenate([b for _, b in here]), y)
        np.testing.assert_array_equal(np.concatenate([a for a, _ in here]), x)


@pytest.mark.parametrize("memory", [2**30, 0])
def test_workers_together_read_all_records(tmp_path, memory):
    data.write_records(data.load("shapes", count=73, image_size=8), tmp_path, shards=3)
    options = {"batch_size": 7, "seed": 1, "memory": memory, "augment": "light"}
    whole = data.load(tmp_path, **options).train
    workers = [list(data.load(tmp_path, share=Share(w, 1, 2), **options).train) for w in (0, 1)]
    for (x, y), *here in zip(whole, *workers, strict=True):
        if len(y) > 1:
            np.testing.assert_array_equal(np.concatenate([b for _, b in here]), y)
            np.testing.assert_allclose(np.concatenate([a for a, _ in here]), x, atol=1e-6)


def test_sizes_of_parts_follow_the_batches():
    assert list(Share(1, 2, 4).replicas) == [1, 2]
    # batches of 4, 4 and 3 rows; replicas that outnumber the rows each get all of them
    assert Share(1, 2, 4).sizes(11, 4) == [1, 1, 1, 1, 3, 3]
    assert Share(0, 1, 2).sizes(10, 5) == [2, 2]
    assert Share(1, 1, 2).sizes(10, 5) == [3, 3]


def test_parts_keep_the_epoch_and_their_order():
    order = tf.data.Dataset.from_tensors((7, tf.range(5, dtype="int64")))
    found = [(int(epoch), rows.numpy().tolist()) for epoch, rows in Share(1, 2, 3).cut(order)]
    assert found == [(7, [1, 2]), (7, [3, 4])]


def test_long_files_are_assigned_first_and_steps_divide_all_examples():
    plan = Plan.of([5, 9, 4, 4], replicas=2, batch_size=4)
    assert plan.files == ((1, 3), (0, 2)) and plan.counts == (13, 9)
    assert plan.steps == 6 == sharing.steps([13, 9], 4)
    assert plan.sizes(0) == [2, 2, 2, 2, 2, 3] and plan.sizes(1) == [1, 2, 1, 2, 1, 2]
    assert sharing.steps([8, 8], 4) == 4
    assert Plan.of([2, 2], replicas=2, batch_size=2).counts == (2, 2)  # one example a step


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 0, 2), "`here`. Expected a positive integer. Received: 0"),
        ((0, 1, 0), "`total`. Expected a positive integer. Received: 0"),
        ((-1, 1, 2), "`first`. Expected an integer from 0 to 1. Received: -1"),
        ((2, 1, 2), "`first`. Expected an integer from 0 to 1. Received: 2"),
        ((1, 2, 2), "`here`. Expected an integer from 1 to 1. Received: 2"),
    ],
)
def test_replicas_of_a_process_are_some_of_all(numbers, message):
    with pytest.raises(InvalidInput) as raised:
        Share(*numbers)
    assert message in str(raised.value)
    assert list(Share(1, 1, 2).replicas) == [1] and list(Share(0, 2, 2).replicas) == [0, 1]


def test_too_few_files_or_examples_for_the_replicas_are_named():
    with pytest.raises(InvalidInput) as raised:
        Plan.of([5, 5], replicas=3, batch_size=4)
    assert str(raised.value) == (
        "Invalid number of files to train on. Expected at least one for each of the 3 replicas. "
        "Received: 2"
    )
    with pytest.raises(InvalidInput) as raised:
        Plan.of([9, 2], replicas=2, batch_size=4)  # 11 examples are 3 steps
    assert str(raised.value) == (
        "Invalid files for shard='file'. Expected files that give each replica at least 3 "
        "examples, one a step. Received: only 2"
    )
    assert Plan.of([9, 3], replicas=2, batch_size=4).counts == (9, 3)


def test_equal_files_go_to_the_first_replica_that_has_fewest():
    plan = Plan.of([3, 3, 3], replicas=2, batch_size=3)
    assert plan.files == ((0, 2), (1,)) and plan.counts == (6, 3) and plan.batch_size == 3


@pytest.mark.parametrize(("count", "steps"), [(10, 3), (7, 7), (2, 5)])
def test_parts_of_all_steps_are_all_examples(count, steps):
    sizes = [sharing.part(count, step, steps) for step in range(steps)]
    assert sum(sizes) == count and max(sizes) - min(sizes) <= 1
    assert sizes == [count * (s + 1) // steps - count * s // steps for s in range(steps)]


def test_bounds_at_the_number_of_replicas():
    assert [bounds(3, replica, 3) for replica in range(3)] == [(0, 1), (1, 2), (2, 3)]
    assert bounds(0, 1, 3) == (0, 0)
    found = bounds(tf.constant(3), tf.constant(2), 3)
    assert [int(end) for end in found] == [2, 3] and found[0].dtype == "int32"
