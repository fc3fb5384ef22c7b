"""Curriculum: examples and their order in each epoch, for one replica and for two."""

import numpy as np
import pytest

from kerasdl import data
from kerasdl.data.sharing import Share
from kerasdl.errors import InvalidInput
from kerasdl.formulas import training


def ink(images, labels):
    return images.astype("float32").mean(axis=(1, 2, 3))


def load(share=None, **arguments):
    return data.load(
        "digits", batch_size=100, share=share, curriculum=data.Curriculum(ink, **arguments)
    )


def epoch(splits):
    """Return the ink of each image in the next epoch."""
    return np.concatenate([ink(np.array(images), labels) for images, labels in splits.train])


@pytest.mark.rows("TRN-04")
def test_each_stage_draws_evenly_from_its_easiest_examples():
    splits = load(stages=3, epochs=2)
    total = splits.info.counts["train"]
    everything = np.sort(
        np.concatenate([ink(np.array(x), None) for x, _ in data.load("digits").train])
    )
    for number in range(8):
        seen = epoch(splits)
        pool = everything[training.curriculum(everything, min(3, number // 2 + 1), 3)]
        assert len(seen) == total
        np.testing.assert_allclose(np.unique(seen), np.unique(pool))
        each = total // len(pool)  # each example comes so often, some once more
        expected = np.sort(np.concatenate([pool] * each + [seen[each * len(pool) :]]))
        np.testing.assert_allclose(np.sort(seen), expected)


def test_repetitions_and_epochs_have_different_reproducible_orders():
    splits = load(stages=3, epochs=2)
    first, second = epoch(splits), epoch(splits)
    pool = -(-len(first) // 3)
    assert (np.sort(first[:pool]) == np.sort(first[pool : 2 * pool])).all()
    assert (first[:pool] != first[pool : 2 * pool]).mean() > 0.9
    assert (first != second).mean() > 0.9
    again = load(stages=3, epochs=2)
    again.epoch.assign(0)  # as a run resumed at its second epoch does
    np.testing.assert_array_equal(epoch(again), second)


@pytest.mark.rows("TRN-03")
@pytest.mark.parametrize("stages", [1, 4])
def test_ordered_epochs_have_increasing_difficulty(stages):
    splits = load(stages=stages, ordered=True)
    for _ in range(5):
        assert (np.diff(epoch(splits)) >= 0).all()


def test_two_replicas_see_the_batches_of_one():
    whole = list(load(stages=2).train)
    parts = [list(load(Share(r, 1, 2), stages=2).train) for r in range(2)]
    for (images, labels), *halves in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate([x for x, _ in halves]), images)
        np.testing.assert_array_equal(np.concatenate([y for _, y in halves]), labels)


@pytest.mark.parametrize(
    ("curriculum", "message"),
    [
        ("easy", "Expected a Curriculum or None. Received: 'easy'"),
        (data.Curriculum([1.0, 2.0]), r"a number for each of \d+ training.*shape \(2,\)"),
        (data.Curriculum(lambda x, y: y.astype(str)), "Expected finite numbers. Received:.*'"),
        (data.Curriculum(lambda x: x), "Expected a function of inputs and targets"),
        (data.Curriculum(lambda x, y: y * np.nan), "Expected finite numbers. Received: nan"),
    ],
)
def test_an_invalid_curriculum_is_refused(curriculum, message):
    with pytest.raises(InvalidInput, match=message):
        data.load("digits", curriculum=curriculum)


@pytest.mark.parametrize("name", ["stages", "epochs"])
def test_stages_and_epochs_must_be_positive(name):
    with pytest.raises(InvalidInput, match=f"`{name}`.*Received: 0"):
        data.Curriculum(ink, **{name: 0})


def test_ordered_must_be_a_flag():
    with pytest.raises(InvalidInput, match=r"`ordered`\. Expected True or False\. Received: 'yes'"):
        data.Curriculum(ink, ordered="yes")
