"""Arrays, data frames and pipelines instead of the name of a dataset."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.data import catalog, in_memory
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(100, 3))
LABELS = np.arange(100) % 4


def gathered(dataset):
    parts = list(dataset.as_numpy_iterator())
    return tf.nest.map_structure(lambda *batches: np.concatenate(batches), *parts)


def test_integers_are_classes_and_the_inputs_are_kept():
    splits = kerasdl.data.load((X, LABELS), batch_size=32)
    assert splits.info.task == "classification" and splits.info.classes == ("0", "1", "2", "3")
    assert splits.info.shape == (3,)
    assert splits.info.counts == {"train": 72, "validation": 8, "test": 20}
    assert splits.info.notes == (
        "targets: 4 different integers, taken as classes (task='regression' if not)",
    )
    inputs, labels = gathered(splits.test)
    assert inputs.dtype == "float32" and labels.dtype == "int32"
    for row, label in zip(inputs, labels, strict=True):
        (place,) = np.flatnonzero((X.astype("float32") == row).all(axis=1))
        assert LABELS[place] == label


def test_option_task_takes_integers_as_numbers():
    splits = kerasdl.data.load((X, LABELS[:, None]), task="regression", batch_size=100)
    assert splits.info.task == "regression" and splits.info.notes == ()
    mean, deviation = splits.info.target_scale
    targets = gathered(splits.train)[1]
    assert targets.shape == (70, 1) and abs(targets.mean()) < 1e-6
    np.testing.assert_allclose(np.unique(targets * deviation + mean), range(4), atol=1e-5)


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (np.array(["cat", "dog"] * 50), ("cat", "dog")),
        (np.array(["cat", "dog"] * 50, object), ("cat", "dog")),
        (np.eye(3, dtype="float32")[np.arange(100) % 3], ("0", "1", "2")),
        (np.arange(100)[:, None] % 2 > 0, ("0", "1")),
        (np.arange(100) * 1000, None),
        (np.arange(2000.0)[:100], None),
    ],
)
def test_texts_and_one_hot_rows_are_classes_and_floats_are_numbers(targets, classes):
    if targets.dtype.kind == "i":
        targets, inputs = np.arange(1100) * 1000, RANDOM.normal(size=(1100, 3))
    else:
        inputs = X
    info = kerasdl.data.load((inputs, targets)).info
    assert info.classes == classes
    assert info.task == ("classification" if classes else "regression")


@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_rows_of_zeros_and_ones_are_tags(dtype):
    tags = RANDOM.random((100, 3)) > 0.5
    splits = kerasdl.data.load((X, tags.astype(dtype)), batch_size=100)
    assert splits.info.task == "tags" and splits.info.classes == ("0", "1", "2")
    assert splits.info.notes == (
        "targets: 3 columns of zeros and ones, taken as tags (task='regression' if not)",
    )
    _, found = gathered(splits.test)
    assert found.dtype == "float32" and set(found.ravel()) == {0, 1}
    one_hot = np.eye(3)[np.arange(100) % 3]
    assert kerasdl.data.load((X, one_hot)).info.task == "classification"
    assert kerasdl.data.load((X, one_hot), task="tags").info.task == "tags"
    with pytest.raises(InvalidInput, match=r"zeros and ones of shape \(examples, tags\)"):
        kerasdl.data.load((X, X), task="tags")


def test_columns_of_floats_are_several_numbers():
    numbers = RANDOM.normal((1, 100), (2, 30), (100, 2))
    splits = kerasdl.data.load((X, numbers), batch_size=100)
    assert splits.info.task == "regression" and splits.info.outputs == ("0", "1")
    targets = gathered(splits.train)[1]
    np.testing.assert_allclose(targets.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(targets.std(axis=0), 1, rtol=1e-5)
    mean, deviation = splits.info.target_scale
    assert np.isin((targets * deviation + mean).round(3), numbers.round(3)).mean() > 0.99


def test_bytes_of_rank_three_are_gray_images():
    images = RANDOM.integers(0, 256, (40, 8, 6), "uint8")
    splits = kerasdl.data.load((images, np.arange(40) % 2), augment="light", image_size=4)
    assert splits.info.shape == (4, 4, 1)
    plain = kerasdl.data.load((images, np.arange(40) % 2), batch_size=40)
    seen = gathered(plain.test)[0]
    assert seen.max() <= 1 and seen.shape[1:] == (8, 6, 1)


def test_given_splits_are_kept():
    splits = kerasdl.data.load({"train": (X[:60], LABELS[:60]), "test": (X[60:], LABELS[60:])})
    assert splits.info.counts == {"train": 56, "validation": 4, "test": 40}
    np.testing.assert_array_equal(gathered(splits.test)[0], X[60:].astype("float32"))


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        rows = slice(10 * index, 10 * index + 10)
        return X[rows], LABELS[rows]


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.data.Dataset.from_tensor_slices((X, LABELS)).shuffle(100).batch(32),
        lambda: tf.data.Dataset.from_tensor_slices((X, LABELS)).shuffle(100),
        Batches,
    ],
    ids=["batches", "examples", "PyDataset"],
)
def test_pipelines_give_the_same_data_in_any_order(make):
    first, again = in_memory.named(make()), in_memory.named(make())
    assert first == again == in_memory.named(Batches())
    inputs, labels = first.value["train"]
    order = np.lexsort(X.T)
    np.testing.assert_array_equal(inputs[np.lexsort(inputs.T)], X[order])
    np.testing.assert_array_equal(labels[np.lexsort(inputs.T)], LABELS[order])
    assert kerasdl.data.load(make()).info.counts["train"] == 72


def test_name_depends_on_values_shapes_and_types_alone():
    name = in_memory.named((X, LABELS))
    assert name == in_memory.named((X.copy(), LABELS.tolist())) and name.startswith("memory:")
    changed = X.copy()
    changed[99, 2] += 1e-9
    others = [(changed, LABELS), (X.astype("float32"), LABELS), (X.reshape(100, 3, 1), LABELS)]
    others += [{"train": (X, LABELS), "test": (X, LABELS)}]
    assert len({name, *map(in_memory.named, others)}) == 5
    again = pickle.loads(pickle.dumps(name))
    assert again == name and (again.value["train"][0] == X).all()


def test_names_and_paths_stay_and_only_images_are_augmented():
    assert in_memory.named("digits") == "digits"
    assert not catalog.may_hold_images(in_memory.named((X, LABELS)))
    assert catalog.may_hold_images(in_memory.named((np.zeros((4, 8, 8, 1)), LABELS[:4])))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, LABELS[:50]), r"arrays of one length. Received: shapes \(100, 3\), \(50,\)"),
        ((X, [[1], [2, 3]]), "a pair .inputs, targets. of arrays"),
        ((np.array([None, {}]), LABELS), "numbers or texts. Received: object"),
        ((np.array(["a"] * 100), LABELS), "inputs in memory. Expected numbers"),
        ((X, np.zeros(100, int)), "at least two classes"),
        ((X, np.ones((100, 4, 2))), r"a number for each example, .* Received: shape \(100, 4, 2\)"),
        ((X * np.nan, LABELS), "finite numbers"),
        ((X, LABELS * 2**40), "integers of 32 bits"),
        ((X[:2], LABELS[:2]), "enough examples to train and to test. Received: 2 examples"),
        (tf.data.Dataset.range(5).repeat(), "a finite one"),
        (tf.data.Dataset.range(5).batch(2), "batch of the data. Expected a pair"),
        ("memory:0123456789abcdef", r"kerasdl.recipes.open\(RUN, data=\(x, y\)\)"),
    ],
)
def test_other_data_raise_in_one_line(data, message):
    with pytest.raises(InvalidInput, match=message) as raised:
        kerasdl.data.load(data)
    assert "\n" not in str(raised.value)


PETS = {"size": X[:, 0], "age": [1, 2, 3, 4] * 25, "kind": ["cat", "dog"] * 50}


def test_data_frames_and_dictionaries_of_columns_are_tables(tmp_path):
    frame = pd.DataFrame(PETS)
    file = tmp_path / "pets.csv"
    frame.to_csv(file, index=False)
    expected = kerasdl.data.load(file, target="kind", batch_size=100)
    for data in (frame, PETS, (frame[["size", "age"]], frame["kind"])):
        options = {} if isinstance(data, tuple) else {"target": "kind"}
        found = kerasdl.data.load(data, batch_size=100, **options)
        assert found.info.classes == ("cat", "dog") and found.info.target == "kind"
        for one, other in zip(gathered(found.test), gathered(expected.test), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    assert in_memory.named(frame) == in_memory.named(PETS)
    with pytest.raises(InvalidInput, match=r"one of the columns size, age, kind. Received: None"):
        kerasdl.data.load(frame)
    with pytest.raises(InvalidInput, match="one column of a name"):
        kerasdl.data.load(pd.concat([frame, frame], axis=1), target="kind")
    with pytest.raises(InvalidInput, match=r"dictionary of data. Expected columns of one length"):
        kerasdl.data.load({"a": [1, 2], "b": [1]})
    with pytest.raises(InvalidInput, match="targets of the table"):
        kerasdl.data.load((frame, frame["kind"]))


def test_only_images_of_npz_files_are_augmented(tmp_path):
    file, recipe = tmp_path / "my.npz", kerasdl.recipes.get("mlp")
    for array, augment in (
        (X, False),
        (np.zeros((9, 8, 8), "uint8"), recipe.augment),
        (np.zeros((9, 8, 8, 3), "float32"), recipe.augment),
        (np.zeros((9, 8, 8), "float32"), False),
    ):
        np.savez(file, x_train=array, y_train=LABELS)
        assert recipe.replace(data=str(file)).augment == augment
    file.write_bytes(b"no archive")
    assert recipe.replace(data=str(file)).augment is False


def test_npz_files_hold_a_pair_or_splits(tmp_path):
    file = tmp_path / "my.npz"
    np.savez(file, x=X, y=LABELS)
    whole = kerasdl.data.load(file)
    np.testing.assert_array_equal(
        gathered(whole.test)[0], gathered(kerasdl.data.load((X, LABELS)).test)[0]
    )
    np.savez(file, x_train=X[:80], y_train=LABELS[:80], x_test=X[80:], y_test=LABELS[80:])
    assert kerasdl.data.load(file).info.counts["test"] == 20
    np.savez(file, a=X)
    with pytest.raises(InvalidInput, match=r"my.npz`. Expected arrays `x` and `y`.* Received: a$"):
        kerasdl.data.load(file)
    np.savez(file, x=X, y=np.array([None]))
    for content in (file.read_bytes(), b"", b"PK\3\4 no more"):
        file.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"my.npz`. Expected arrays in NumPy's .npz"):
            kerasdl.data.load(file)


def test_a_run_on_arrays_resumes_and_opens_with_the_same_arrays_alone(tmp_path):
    recipe = kerasdl.recipes.get("mlp").replace(data=(X, LABELS), epochs=2)
    assert recipe.augment is False and recipe.bars == ()

    def stopped(epoch, logs):
        raise RuntimeError("stopped")

    stop = keras.callbacks.LambdaCallback(on_epoch_end=stopped)
    options = {"progress": False, "pictures": False, "save_seconds": 0.0}
    with pytest.raises(RuntimeError, match="stopped"):
        recipe.run(tmp_path / "a", callbacks=[stop], **options)
    again = kerasdl.recipes.get("mlp").replace(data=(X.copy(), LABELS), epochs=2)
    resumed = again.run(tmp_path / "a", **options)
    whole = recipe.run(tmp_path / "b", **options)
    for a, b in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "a/config.json").stat().st_size < 10_000

    other = recipe.replace(data=(X + 1, LABELS))
    with pytest.raises(InvalidInput, match=r"a new folder .* holds a run with data='memory:"):
        other.run(tmp_path / "a", **options)
    with pytest.raises(InvalidInput, match=r"kerasdl.recipes.open\(RUN, data=\(x, y\)\)"):
        kerasdl.recipes.open(tmp_path / "a").evaluate()
    with pytest.raises(InvalidInput, match=r"Expected those .* trained on, memory:"):
        kerasdl.recipes.open(tmp_path / "a", data=(X + 1, LABELS))
    opened = kerasdl.recipes.open(tmp_path / "a", data=(X, LABELS))
    assert opened.evaluate() == resumed.metrics["test"]
    assert len(opened.doctor()) > 3


@pytest.mark.slow
def test_a_search_gives_the_arrays_to_its_trials(tmp_path):
    from kerasdl.tuning import tune

    recipe = kerasdl.recipes.get("mlp").replace(data=(X, LABELS))
    lines = []
    found = tune(recipe, out=tmp_path / "s", fast=True, trials=1, show=lines.append)
    (row,) = found.leaderboard["trials"]
    assert row["status"] == "completed", row
    assert found.best.recipe.data == recipe.data
    assert (tmp_path / "s/best/figures").is_dir() and not (tmp_path / "s/data.pickle").exists()
