"""Whole messages about data in memory, and limits of the reader of arrays."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from kerasdl.data import in_memory
from kerasdl.data.readers import arrays
from kerasdl.errors import InvalidInput

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1] * 3)
PAIR = "a pair (inputs, targets) of arrays"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"train": (X, Y[:4])},
            "data in memory. Expected arrays of one length. Received: shapes (6, 2), (4,)",
        ),
        ({"train": (X,)}, f"data in memory. Expected {PAIR}. Received: 'tuple'"),
        ({"train": X}, f"data in memory. Expected {PAIR}. Received: 'ndarray'"),
        (
            (X, 3),
            f"data in memory. Expected {PAIR} of numbers or texts. Received: int64 of shape ()",
        ),
        (
            (X[:0], Y[:0]),
            f"data in memory. Expected {PAIR} of numbers or texts. Received: float64 of shape (0, "
            "2)",
        ),
        (
            (X * 1j, Y),
            f"data in memory. Expected {PAIR} of numbers or texts. Received: complex128 of shape "
            "(6, 2)",
        ),
        (
            tf.data.Dataset.from_tensors((X, Y)).repeat(),
            "tf.data.Dataset. Expected a finite one (without `repeat`). Received: an infinite one",
        ),
        (
            tf.data.Dataset.from_tensors((X, Y, Y)),
            f"batch of the data. Expected {PAIR}. Received: 3",
        ),
        (
            tf.data.Dataset.from_tensors({"a": X}),
            f"batch of the data. Expected {PAIR}. Received: 'dict'",
        ),
        (
            tf.data.Dataset.from_tensors((X, Y)).take(0),
            "data in memory. Expected at least one batch. Received: none",
        ),
        (
            {"a": [1, 2], "b": [1]},
            "dictionary of data. Expected columns of one length, or `train` with `validation` and "
            "`test`. Received: All arrays must be of the same length",
        ),
        (
            (pd.DataFrame({"a": [1, 2]}), [1]),
            "targets of the table. Expected 2 values of a column that the table does not have. "
            "Received: 1, `target`",
        ),
        (
            (pd.DataFrame({"a": [1, 2]}), pd.Series([1, 2], name="a")),
            "targets of the table. Expected 2 values of a column that the table does not have. "
            "Received: 2, `a`",
        ),
    ],
)
def test_whole_messages(data, message):
    with pytest.raises(InvalidInput) as raised:
        in_memory.named(data)
    assert str(raised.value) == f"Invalid {message}"


def test_batches_of_other_shapes_raise():
    def batches():
        yield X, Y
        yield X[:, :1], Y

    spec = tf.TensorSpec((None, None)), tf.TensorSpec((None,))
    with pytest.raises(InvalidInput, match=r"^Invalid data in memory. Expected batches whose ex"):
        in_memory.named(tf.data.Dataset.from_generator(batches, output_signature=spec))


def test_nested_arrays_are_joined_and_ordered_together():
    parts = {"a": X, "b": (X[:, 0], X[:, 1].astype("int32"))}
    pairs = tf.data.Dataset.from_tensor_slices((parts, Y))
    one, two = (in_memory.named(pairs.batch(size)) for size in (2, 4))
    assert one == two
    inputs, targets = one.value["train"]
    order = inputs["b"][0].argsort()
    np.testing.assert_array_equal(inputs["a"][order], X)
    np.testing.assert_array_equal(inputs["b"][1][order], X[:, 1])
    np.testing.assert_array_equal(targets[order], Y)
    assert len(in_memory.leaves(one.value["train"])) == 4


def test_targets_of_a_frame_are_one_more_column():
    frame = pd.DataFrame({"a": [1, 2]})
    named = in_memory.named((frame, pd.Series([3, 4], name="kind"))).value
    assert named.target == "kind" and named.frame.to_dict("list") == {"a": [1, 2], "kind": [3, 4]}
    assert in_memory.named((frame, [3, 4])).value.target == "target"
    assert list(frame.columns) == ["a"]


@pytest.mark.parametrize(
    ("inputs", "images"),
    [
        (np.zeros((6, 4, 4, 1)), True),
        (np.zeros((6, 4, 4), "uint8"), True),
        (np.zeros((6, 4, 4)), False),
        (np.zeros((6, 4), "uint8"), False),
        ({"a": np.zeros((6, 4, 4, 1))}, False),
    ],
)
def test_arrays_of_rank_four_or_bytes_of_rank_three_are_images(inputs, images):
    name = in_memory.named((inputs, Y))
    assert name.holds_images is images and name.reader == "arrays"
    assert in_memory.named(pd.DataFrame({"a": [1]})).holds_images is False
    assert in_memory.named(pd.DataFrame({"a": [1]})).reader == "table"


@pytest.mark.parametrize(
    ("given", "dtype", "shape"),
    [
        (np.zeros((6, 4, 3), "uint8"), "uint8", (6, 4, 3, 1)),
        (np.zeros((6, 4, 3, 3), "uint8"), "uint8", (6, 4, 3, 3)),
        (np.zeros((6, 4), "uint8"), "float32", (6, 4)),
        (np.zeros((6, 4), bool), "float32", (6, 4)),
        (np.zeros((6, 4, 3), "int64"), "int32", (6, 4, 3)),
        (np.zeros((6, 4, 3), "float16"), "float32", (6, 4, 3)),
        (np.zeros((6, 4, 3)), "float32", (6, 4, 3)),
    ],
)
def test_inputs_have_the_types_of_networks(given, dtype, shape):
    found = arrays._inputs({"a": (given, given)})
    for part in found["a"]:
        assert part.dtype == dtype and part.shape == shape


def test_integers_fit_into_32_bits():
    ends = np.array([-(2**31), 2**31 - 1])
    assert arrays._plain(ends).tolist() == ends.tolist()
    for wrong in (ends - np.array([1, 0]), ends + np.array([0, 1])):
        with pytest.raises(InvalidInput) as raised:
            arrays._plain(wrong)
        assert str(raised.value) == (
            "Invalid data in memory. Expected integers of 32 bits. "
            f"Received: from {wrong[0]} to {wrong[1]}"
        )
    with pytest.raises(InvalidInput) as raised:
        arrays._inputs(np.array(["a"]))
    assert str(raised.value) == (
        "Invalid inputs in memory. Expected numbers (a table with texts is a DataFrame or a "
        "dictionary of columns). Received: texts"
    )


@pytest.mark.parametrize(
    ("count", "task", "note"),
    [
        (
            1000,
            "classification",
            "targets: 1,000 different integers, taken as classes (task='regression' if not)",
        ),
        (
            1001,
            "regression",
            "targets: 1,001 different integers, taken as numbers (task='classification' if not)",
        ),
    ],
)
def test_a_thousand_different_integers_are_classes(count, task, note):
    for targets in (np.arange(count), np.arange(count)[:, None]):
        assert arrays._task_of(targets) == (task, (note,))


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (np.array(["a", "b"]), "classification"),
        (np.array([True, False]), "regression"),
        (np.array([0.0, 1.0]), "regression"),
        (np.eye(2), "classification"),
        (np.array([[1], [0]], float), "regression"),
        (np.eye(2)[None], "regression"),
    ],
)
def test_texts_and_one_hot_rows_are_classes(targets, task):
    assert arrays._task_of(targets) == (task, ())


def test_nested_targets_need_a_task():
    with pytest.raises(InvalidInput) as raised:
        arrays._task_of({"a": Y})
    assert str(raised.value) == (
        "Invalid targets in memory. Expected an array, or option `task` to say what they are. "
        "Received: dict"
    )


def test_names_of_classes():
    for train, test, classes, labels in (
        (np.eye(3)[[2, 0]], np.eye(3)[[1]], ("0", "1", "2"), ([2, 0], [1])),
        (np.array(["b", "a"]), np.array(["c"]), ("a", "b", "c"), ([1, 0], [2])),
        (np.array([5.0, 3.0]), np.array([3.0]), ("3", "5"), ([1, 0], [0])),
        (np.array([0.5, 3.0]), np.array([3.0]), ("0.5", "3.0"), ([0, 1], [1])),
        (np.array([[5], [3]]), np.array([[3]]), ("3", "5"), ([1, 0], [0])),
    ):
        found, numbers = arrays._labels({"train": train, "test": test})
        assert found == classes
        assert (numbers["train"].tolist(), numbers["test"].tolist()) == labels
        assert numbers["train"].dtype == "int32"
    with pytest.raises(InvalidInput) as raised:
        arrays._labels({"train": np.array([7, 7])})
    assert str(raised.value) == (
        "Invalid targets in memory. Expected at least two classes. Received: [7]"
    )


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.array(["a"]), "numbers. Received: texts, such as np.str_('a')"),
        (
            np.ones((3, 2, 1)),
            "a number for each example, shape (examples,). Received: shape (3, 2, 1)",
        ),
        ({"a": Y}, "a number for each example, shape (examples,). Received: dict"),
    ],
)
def test_targets_that_are_no_numbers(targets, message):
    with pytest.raises(InvalidInput) as raised:
        arrays._numbers(targets)
    assert str(raised.value) == f"Invalid targets in memory. Expected {message}"


def test_regression_is_standardized_with_the_training_split():
    source = arrays.read({"train": (X, Y * 4.0), "test": (X, Y * 1.0)}, 0, validation=0)
    assert source.target_scale == (2, 2) and source.task == "regression" and source.notes == ()
    assert source.train.targets.tolist() == [[-1], [1]] * 3
    assert source.test.targets.tolist() == [[-1], [-0.5]] * 3
    constant = arrays.read({"train": (X, Y * 0.0 + 5), "test": (X, Y * 1.0)}, 0, validation=0)
    assert constant.target_scale == (5, 1) and not constant.train.targets.any()


def test_default_fractions_are_a_tenth_and_a_fifth():
    x, y = np.zeros((40, 2)), np.arange(40) % 2
    source = arrays.read({"train": (x, y)}, 0)
    assert source.counts() == {"train": 28, "validation": 4, "test": 8}
    own = arrays.read({"train": (x, y), "validation": (x[:3], y[:3])}, 0)
    assert own.counts() == {"train": 32, "validation": 3, "test": 8}
    with pytest.raises(InvalidInput) as raised:
        arrays.read({"train": (x[:2], y[:2])}, 0)
    assert str(raised.value) == (
        "Invalid data in memory. Expected enough examples to train and to test. "
        "Received: 2 examples"
    )
    with pytest.raises(InvalidInput, match=r"`task`. Expected one of"):
        arrays.read({"train": (x, y)}, 0, task="clasification")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("x", "y"), ["train"]),
        (("images", "labels"), ["train"]),
        (("X_train", "Y_train", "X_val", "Y_val"), ["train", "validation"]),
        (("data_train", "target_train", "data_valid", "target_valid"), ["train", "validation"]),
        (("inputs", "targets", "inputs_test", "targets_test"), ["train", "test"]),
        (("features", "y", "features_validation"), ["train"]),
    ],
)
def test_names_of_arrays_in_a_file(names, splits, tmp_path):
    file = tmp_path / "my.npz"
    np.savez(file, **{n: Y if n[0].lower() in "ylt" else X for n in names})
    found = arrays._of_file(file)
    assert list(found) == splits
    for inputs, targets in found.values():
        np.testing.assert_array_equal(inputs, X)
        np.testing.assert_array_equal(targets, Y)


def test_files_that_are_not_read_are_named(tmp_path, monkeypatch):
    file = tmp_path / "my.npz"
    np.savez(file, a=X, b=Y)
    with pytest.raises(InvalidInput) as raised:
        arrays._of_file(file)
    assert str(raised.value) == (
        f"Invalid file `{file}`. Expected arrays `x` and `y`, or `x_train` and `y_train`. "
        "Received: a, b"
    )
    for error, reason in ((OSError(), "OSError"), (ValueError("no\n more"), "no more")):

        def fail(*_, error=error, **__):
            raise error

        monkeypatch.setattr(np, "load", fail)
        with pytest.raises(InvalidInput) as raised:
            arrays._of_file(file)
        assert str(raised.value) == (
            f"Invalid file `{file}`. Expected arrays in NumPy's .npz. Received: {reason}"
        )
