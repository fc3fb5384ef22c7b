"""Passes over a dataset use one iterator, and are otherwise those of the dataset itself."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import data
from kerasdl.data import passes
from kerasdl.utils import patches


def numbered():
    """Return a dataset of 4 numbers, 10 more in each pass, and the variable of the last pass."""
    number = tf.Variable(-1, dtype="int64")

    def value(now, i):
        now = tf.where(i == 0, number.assign_add(tf.cast(i == 0, "int64")), now)
        return now, now * 10 + i

    dataset = tf.data.Dataset.range(4).scan(tf.constant(-1, "int64"), value).prefetch(2)
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(4)).with_options(options)
    return passes.reuse_iterators(dataset), number


@pytest.fixture
def iterators():
    """List the datasets of which TensorFlow makes iterators."""
    made = []
    make = tf.data.Dataset.__iter__

    def counted(dataset):
        made.append(dataset)
        return make(dataset)

    with patches.replaced(tf.data.Dataset, "__iter__", counted):
        yield made


def values(iterable):
    return [int(value) for value in iterable]


def test_passes_are_those_of_the_dataset_and_use_one_iterator(iterators):
    dataset, number = numbered()
    for expected in range(5):
        assert values(dataset) == [10 * expected + i for i in range(4)]
        assert int(number) == expected  # nothing of the next pass is read early
    number.assign(70)
    assert values(dataset) == [710, 711, 712, 713]
    assert len(dataset) == 4 and dataset.element_spec == tf.TensorSpec((), "int64")
    assert len(iterators) == 1


def test_pass_that_reads_all_elements_but_not_the_end_leaves_its_iterator(iterators):
    dataset, number = numbered()
    for expected in range(3):
        one = iter(dataset)
        assert [int(next(one)) for _ in range(4)] == [10 * expected + i for i in range(4)]
        del one
    assert int(number) == 2 and len(iterators) == 1


def test_ended_pass_stays_ended():
    dataset, _ = numbered()
    one = iter(dataset)
    assert values(one) == [0, 1, 2, 3] and values(one) == []
    assert values(dataset) == [10, 11, 12, 13] and values(one) == []


def test_passes_at_the_same_time_do_not_disturb_each_other():
    dataset, number = numbered()
    assert [values(pair) for pair in zip(dataset, dataset, strict=True)] == [
        [0, 10],
        [1, 11],
        [2, 12],
        [3, 13],
    ]
    first, second = iter(dataset), iter(dataset)
    assert int(next(second)) == 20  # a pass begins with its first element
    assert values(first) == [30, 31, 32, 33] and values(second) == [21, 22, 23]
    assert values(dataset) == [40, 41, 42, 43] and int(number) == 4


def test_abandoned_pass_is_not_continued_by_the_next(iterators):
    dataset, _ = numbered()
    assert int(next(iter(dataset))) == 0
    assert values(dataset) == [10, 11, 12, 13] == values(dataset.map(lambda value: value - 10))
    assert values(dataset) == [30, 31, 32, 33] and len(iterators) == 3


def test_compiled_function_reads_passes_without_another_trace():
    dataset, _ = numbered()

    @tf.function
    def read(iterator):
        found = tf.constant(0, "int64")
        for _ in range(6):
            optional = iterator.get_next_as_optional()
            value = tf.cond(
                optional.has_value(), optional.get_value, lambda: tf.constant(-1, "int64")
            )
            found += tf.cast(value >= 0, "int64") * (value + 1) + 1000
        return found

    assert [int(read(iter(dataset))) for _ in range(2)] == [6010, 6050]
    assert read.experimental_get_tracing_count() == 1
    held = iter(dataset)
    inside = tf.function(lambda: held.get_next())
    assert [int(inside()) for _ in range(2)] == [20, 21]
    assert values(dataset) == [30, 31, 32, 33] and int(inside()) == 22


def test_passes_in_the_scope_of_a_strategy_and_in_graphs():
    dataset, _ = numbered()
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert values(dataset) == [0, 1, 2, 3]
    total = tf.function(lambda: dataset.reduce(tf.constant(0, "int64"), lambda a, b: a + b))
    assert int(total()) == 46
    assert values(dataset) == [20, 21, 22, 23] == values(dataset.map(lambda value: value - 10))


def test_pass_with_an_error_ends_and_the_next_one_is_whole():
    broken = tf.Variable(True)

    def check(value):
        fails = tf.logical_and(broken, value == 0)
        with tf.control_dependencies([tf.debugging.Assert(~fails, ["broken"])]):
            return tf.identity(value)

    dataset = passes.reuse_iterators(tf.data.Dataset.range(3).map(check))
    for _ in range(2):
        one = iter(dataset)
        with pytest.raises(tf.errors.InvalidArgumentError, match="broken"):
            next(one)
        assert values(one) == [1, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match="broken"):
        next(iter(dataset))
    broken.assign(False)
    assert values(dataset) == [0, 1, 2] == values(dataset)


def test_nested_elements_and_other_datasets():
    parts = {"a": tf.constant([1, 2]), "b": (tf.constant(["x", "y"]), tf.ones((2, 3)))}
    dataset = passes.reuse_iterators(tf.data.Dataset.from_tensor_slices(parts))
    for _ in range(2):
        (first, last) = dataset.as_numpy_iterator()
        assert first["a"] == 1 and last["b"][0] == b"y" and last["b"][1].shape == (3,)
    assert isinstance(dataset.map(lambda part: part["a"]), passes.Passes)
    assert not isinstance(dataset.filter(lambda part: part["a"] > 1), passes.Passes)
    for other in (
        tf.data.Dataset.range(3).repeat(),
        tf.data.Dataset.range(0),
        tf.data.Dataset.range(2).map(lambda i: tf.sparse.from_dense([i])),
    ):
        assert passes.reuse_iterators(other) is other


@pytest.mark.parametrize("together", [1, 5, 13])
def test_fit_makes_one_iterator_for_each_dataset(together, iterators):
    def fit(train, validation):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(10))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, steps_per_execution=together)
        options = {"epochs": 3, "shuffle": False, "verbose": 0}
        return model.fit(train, validation_data=validation, **options).history

    splits = data.load("digits", augment="light")
    assert len(splits.train) == 13
    history = fit(splits.train, splits.validation)
    assert int(splits.epoch) == 2
    assert len(iterators) == 2
    splits.epoch.assign(-1)
    plain = fit(*(getattr(splits, name).skip(0) for name in ("train", "validation")))
    assert len(iterators) > 8
    for name, expected in plain.items():
        np.testing.assert_allclose(history[name], expected, rtol=1e-5)


def test_keras_does_not_warn_that_it_does_not_shuffle_them():
    """Warnings are errors in tests. Keras still warns for other datasets."""
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    splits = data.load("digits", batch_size=512)
    train = splits.train.map(lambda x, y: (tf.reshape(x, (-1, 64)), y))
    history = model.fit(train, epochs=2, verbose=0, class_weight=dict.fromkeys(range(10), 0.0))
    assert history.history["loss"] == [0.0, 0.0]  # class weights are obeyed
    assert int(splits.epoch) == 1
    with pytest.warns(UserWarning, match="`shuffle=True` was passed"):
        model.fit(train.take(1), verbose=0)


def test_an_unfinished_pass_may_be_collected_while_a_graph_is_built(iterators):
    dataset, _ = numbered()
    unfinished = iter(dataset)
    next(unfinished)
    with tf.Graph().as_default():
        del unfinished
        gc.collect()
    assert len(values(dataset)) == 4
    assert len(iterators) == 2
