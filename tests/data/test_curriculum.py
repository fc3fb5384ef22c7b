"""Curriculum: examples and their order in each epoch, for one replica and for two."""

import types

import numpy as np
import pytest
import tensorflow as tf

from kerasdl import data
from kerasdl.data.examples import Arrays
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


VALUES = np.array([5.0, 1.0, 3.0, 1.0, 4.0, 2.0, 0.5])
TRAIN = Arrays(np.arange(14.0).reshape(7, 2), VALUES)


def test_rows_are_ranked_from_the_easiest():
    expected = [6, 1, 3, 5, 2, 4, 0]  # equal ones in their order
    for difficulty in (VALUES, VALUES.tolist(), lambda x, y: y, VALUES.astype("float16")):
        assert data.Curriculum(difficulty).rank(TRAIN).tolist() == expected
    assert data.Curriculum(VALUES > 1).rank(TRAIN).tolist() == [1, 3, 6, 0, 2, 4, 5]
    assert data.Curriculum(max, stages=1).difficulty is max


def chosen(places, epoch, seed=0, **options):
    choose = data.Curriculum(VALUES, **options).chooser(TRAIN, seed)
    return choose(tf.constant(places, "int64"), tf.constant(epoch, "int64")).numpy().tolist()


@pytest.mark.parametrize(
    ("epoch", "pool"), [(0, 3), (1, 3), (2, 5), (3, 5), (4, 7), (5, 7), (100, 7)]
)
def test_pool_grows_with_the_stages(epoch, pool):
    """Of 7 examples, ceil(7 / 3) = 3, ceil(14 / 3) = 5 and 7 are in the pools."""
    ranked = [6, 1, 3, 5, 2, 4, 0]
    found = chosen(range(7), epoch, stages=3, epochs=2)
    assert set(found) <= set(ranked[:pool]) and sorted(found[:pool]) == sorted(ranked[:pool])
    ordered = chosen(range(7), epoch, stages=3, epochs=2, ordered=True)
    assert ordered == [ranked[place * pool // 7] for place in range(7)]


def test_order_depends_on_seed_epoch_and_pass():
    orders = [chosen(range(7), epoch, seed, stages=1) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) > 2
    # a place does not depend on the other places of its batch
    assert chosen([4, 2], 0, stages=1) == [orders[0][4], orders[0][2]]


@pytest.mark.parametrize(
    ("difficulty", "message"),
    [
        ([1.0, 2.0], "difficulty. Expected a number for each of 7 training examples. Received: sh"),
        (lambda x: x, "difficulty of a curriculum. Expected a function of inputs and targets. Rec"),
        (lambda x, y: y.astype(str), "difficulty. Expected finite numbers. Received: np.str_('5.0"),
        (lambda x, y: y / 0, "difficulty. Expected finite numbers. Received: inf"),
        (lambda x, y: y[:, None], "difficulty. Expected a number for each of 7 training examples."),
    ],
)
def test_messages_about_the_difficulty(difficulty, message):
    with pytest.raises(InvalidInput) as raised, np.errstate(divide="ignore"):
        data.Curriculum(difficulty).rank(TRAIN)
    assert str(raised.value).startswith(f"Invalid {message}")


def test_function_needs_examples_in_memory():
    class Read(types.SimpleNamespace):
        def __len__(self):
            return 7

    train = Read(arrays=None)
    with pytest.raises(InvalidInput) as raised:
        data.Curriculum(max).rank(train)
    assert str(raised.value) == (
        "Invalid difficulty of a curriculum. Expected numbers, not a function, if examples are "
        "read from files. Received: <built-in function max>"
    )
    assert data.Curriculum(VALUES).rank(train).tolist() == [6, 1, 3, 5, 2, 4, 0]


@pytest.mark.parametrize("invalid", ["hard", None, dict, []])
def test_difficulty_is_numbers_or_a_function(invalid):
    with pytest.raises(InvalidInput, match=r"`difficulty`. Expected an array of numbers"):
        data.Curriculum(invalid)


@pytest.mark.parametrize("name", ["stages", "epochs"])
def test_stages_and_epochs_fit_into_32_bits(name):
    assert getattr(data.Curriculum(max, **{name: 2**31 - 1}), name) == 2**31 - 1
    with pytest.raises(InvalidInput, match=f"`{name}`. Expected a positive integer, at most 21474"):
        data.Curriculum(max, **{name: 2**31})
    assert (data.Curriculum(max).stages, data.Curriculum(max).epochs) == (3, 1)
    assert data.Curriculum(max).ordered is False
