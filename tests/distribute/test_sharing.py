"""Each worker trains on its own rows of every batch, and the fractions add up to one."""

import numpy as np
import pytest
import tensorflow as tf

from kerasdl import distribute
from kerasdl.data.sharing import Share
from kerasdl.distribute import sharing


def rows_of(parts):
    return [part.data.numpy().tolist() for part in parts]


@pytest.fixture
def batches():
    """Batches of 4, 4 and 3 numbers."""
    return tf.data.Dataset.range(11).batch(4)


def test_each_worker_gets_its_part_of_each_batch(batches):
    first, second = (list(sharing.split(batches, Share(n, 1, 2))) for n in (0, 1))
    assert rows_of(first) == [[0, 1], [4, 5], [8]]
    assert rows_of(second) == [[2, 3], [6, 7], [9, 10]]
    assert [float(part.fraction) for part in first[:2]] == [0.5, 0.5]
    assert [float(part.fraction) for part in (first[2], second[2])] == pytest.approx([1 / 3, 2 / 3])
    assert all(part.counted for part in first + second)


def test_worker_with_two_replicas_gets_two_parts_of_each_batch(batches):
    parts = list(sharing.split(batches.take(2), Share(2, 2, 4)))
    assert rows_of(parts) == [[2], [3], [6], [7]]


def test_batch_with_few_rows_goes_to_all_replicas_and_counts_once(batches):
    parts = list(sharing.split(batches.skip(2), Share(0, 4, 4)))
    assert rows_of(parts) == [[8, 9, 10]] * 4
    assert [float(part.fraction) for part in parts] == [0.25] * 4
    assert [bool(part.counted) for part in parts] == [True, False, False, False]
    (last,) = sharing.split(batches.skip(2), Share(3, 1, 4))
    assert not last.counted


def test_inputs_and_targets_are_split_equally():
    x = np.arange(12).reshape(6, 2)
    data = tf.data.Dataset.from_tensor_slices((x, {"y": x[:, 0]})).batch(6)
    (part,) = sharing.split(data, Share(1, 1, 3))
    features, targets = part.data
    np.testing.assert_array_equal(features, x[2:4])
    np.testing.assert_array_equal(targets["y"], x[2:4, 0])


@pytest.mark.parametrize("share", [Share(0, 1, 2), Share(1, 1, 2), Share(0, 2, 2)])
def test_numbered_rows_of_a_worker_equal_split_batches(batches, share):
    """`numbered` of a worker's own rows equals `split` of whole batches."""
    expected = list(sharing.split(batches, share))
    mine = tf.data.Dataset.from_generator(
        lambda: (part.data for part in expected), output_signature=tf.TensorSpec([None], "int64")
    )
    found = list(sharing.numbered(mine, share, count=11, batch_size=4))
    assert rows_of(found) == rows_of(expected)
    assert [float(part.fraction) for part in found] == [float(p.fraction) for p in expected]
    assert [bool(part.counted) for part in found] == [bool(p.counted) for p in expected]


def test_replicas_with_own_files_have_the_fractions_of_their_examples():
    counts = (5, 3)  # two steps: 2 and 3 examples of the first, 1 and 2 of the second
    mine = tf.data.Dataset.range(4)
    found = list(sharing.numbered(mine, Share(0, 2, 2), count=8, batch_size=4, counts=counts))
    assert [int(part.data) for part in found] == [0, 1, 2, 3]
    assert [float(p.fraction) for p in found] == pytest.approx([2 / 3, 1 / 3, 3 / 5, 2 / 5])
    assert all(part.counted for part in found) and found[0].fraction.dtype == "float32"
    second = list(sharing.numbered(mine.take(2), Share(1, 1, 2), 8, 4, counts))
    assert [float(part.fraction) for part in second] == pytest.approx([1 / 3, 2 / 5])


class Strategy:
    """A fake strategy whose replicas are in this process, with the parts `pipeline` reads."""

    cluster_resolver = None

    def __init__(self, replicas):
        self.num_replicas_in_sync = replicas
        self.extended = type("Extended", (), {"worker_devices": ["/cpu:0"] * replicas})

    def distribute_datasets_from_function(self, function):
        return function("context")


def test_pipeline_numbers_rows_only_for_several_replicas():
    data = tf.data.Dataset.range(4)
    assert sharing.pipeline(data, Strategy(1), count=4, batch_size=2) is data
    found = list(sharing.pipeline(data, Strategy(2), count=4, batch_size=2))
    assert [(int(part.data), float(part.fraction)) for part in found] == [
        (0, 0.5),
        (1, 0.5),
        (2, 0.5),
        (3, 0.5),
    ]
    found = list(sharing.pipeline(data, Strategy(2), count=8, batch_size=4, counts=(5, 3)))
    assert float(found[0].fraction) == pytest.approx(2 / 3)


class Cluster:
    """A fake strategy of several workers, with the parts that `worker_of` and `share` read."""

    def __init__(self, kind, number, chief, here=1):
        jobs = {"worker": ["b:1", "c:1"], **({"chief": ["a:1"]} if chief else {})}
        workers = 3 if chief else 2
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver
        spec = tf.train.ClusterSpec(jobs)
        self.cluster_resolver = resolver(spec, task_type=kind, task_id=number)
        self.num_replicas_in_sync = workers * here
        self.extended = type("Extended", (), {"worker_devices": ["/gpu"] * here})


@pytest.mark.parametrize(
    ("strategy", "share"),
    [
        (Cluster("worker", 0, chief=False), Share(0, 1, 2)),
        (Cluster("worker", 1, chief=False, here=4), Share(4, 4, 8)),
        (Cluster("chief", 0, chief=True, here=2), Share(0, 2, 6)),
        (Cluster("worker", 1, chief=True, here=2), Share(4, 2, 6)),
    ],
)
def test_share_follows_those_of_earlier_workers(strategy, share):
    assert sharing.share(strategy) == share
    assert sharing.is_chief(strategy) == (share.first == 0)


def test_public_names_can_be_imported():
    names = ["is_chief", "pipeline", "share", "strategy", "synchronize", "worker_of"]
    assert sorted(distribute.__all__) == names == dir(distribute)
    assert all(callable(getattr(distribute, name)) for name in names)
