"""What `load` says of invalid arguments, and which reader it chooses."""

import numpy as np
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.data import loading, mixup, policies, sharing
from kerasdl.data.splits import Source
from kerasdl.errors import InvalidInput

X = np.random.default_rng(0).random((12, 4, 6, 1), dtype="float32")
Y = np.arange(12, dtype="int32") % 3


@pytest.fixture
def made(monkeypatch):
    """Make `load` read a small dataset, and note what its function gets."""
    asked = []

    def read(seed, image_size=None, skip_bad=False, count=12, **others):
        """A few images.

        More about them.
        """
        asked.append({"seed": seed, "image_size": image_size, "skip_bad": skip_bad, **others})
        part = X[:count], Y[:count]
        classes = ("a", "b", "c")
        return Source("classification", part, None, (X[:4], Y[:4]), classes, files={"train": ()})

    monkeypatch.setattr(loading, "_maker", lambda name, task=None: loading.functools.partial(read))
    return asked


def test_facts_of_a_dataset(made):
    splits = kerasdl.data.load("some", seed=5, batch_size=5)
    info = splits.info
    assert made == [{"seed": 5, "image_size": None, "skip_bad": False}]
    assert (info.name, info.task, info.classes) == ("some", "classification", ("a", "b", "c"))
    assert info.shape == (4, 6, 1) and info.counts == {"train": 12, "validation": 0, "test": 4}
    assert info.card == "A few images.\n\nMore about them."
    assert info.files == {"train": ()} and info.replicas is None and info.skipped is None
    assert [len(labels) for _, labels in splits.train] == [5, 5, 2]
    assert int(splits.epoch) == 0


def test_defaults_are_64_examples_and_seed_0(made):
    splits = kerasdl.data.load("some")
    assert made[0]["seed"] == 0 and [len(labels) for _, labels in splits.train] == [12]
    first, same = (
        [np.array(y) for _, y in kerasdl.data.load("some", **options).train]
        for options in ({}, {"seed": 0})
    )
    np.testing.assert_array_equal(first, same)


def test_size_goes_to_the_function_and_options_are_plain(made):
    kerasdl.data.load("some", image_size=np.int64(8), skip_bad=True, seed=np.uint8(3))
    assert made == [{"seed": 3, "image_size": (8, 8), "skip_bad": True}]
    assert type(made[0]["seed"]) is int


def test_images_are_resized_if_the_function_has_no_size():
    def read(seed):
        return Source("classification", (X, Y), None, (X, Y), ("a", "b", "c"))

    source = loading._call("some", read, 0, (2, 3), False, {}, 5)
    assert source.train.inputs.shape == (12, 2, 3, 1) and source.test.inputs.shape == (12, 2, 3, 1)
    assert loading._call("some", read, 0, None, False, {}, 5).train.inputs is X


def test_memory_of_resized_images(monkeypatch):
    asked = []
    monkeypatch.setattr(
        loading.checks, "memory", lambda needed, **values: asked.append((needed, values))
    )

    def read(seed):
        return Source("classification", (X, Y), (X[:3], Y[:3]), (X[:1], Y[:1]), ("a", "b", "c"))

    loading._call("some", read, 0, (2, 3), False, {}, 5)
    assert asked == [((12 + 3 + 1) * 2 * 3 * 1 * 4, {"image_size": (2, 3)})]


@pytest.mark.parametrize("policy", [True, "light"])
def test_training_images_are_augmented(policy, made):
    plain, changed = (
        np.concatenate([np.array(x) for x, _ in kerasdl.data.load("some", augment=a).train])
        for a in (False, policy)
    )
    assert plain.shape == changed.shape and not np.allclose(plain, changed)
    x, _ = next(iter(kerasdl.data.load("some", augment=policy).test))
    np.testing.assert_array_equal(x, X[:4])
    found = loading._augment(
        policies.POLICIES["light"], Source("classification", (X, Y), None, None), 7
    )
    assert found.keywords["seed"] == 7 and found.keywords["roles"] == "class"
    assert found.keywords["policy"] is policies.POLICIES["light"]


@pytest.mark.parametrize("options", [{"mixup": 0.5}, {"cutmix": 0.5}])
def test_mixing_makes_labels_one_hot(options, made):
    splits = kerasdl.data.load("some", **options)
    assert splits.train.element_spec[1].shape.as_list() == [None, 3]
    _, labels = next(iter(splits.test))
    np.testing.assert_array_equal(labels, np.eye(3)[Y[:4]])


def test_mixer_gets_its_strengths_and_the_seed(monkeypatch):
    monkeypatch.setattr(mixup, "mixer", lambda *arguments: arguments)
    assert loading._mix(0.2, 0.0, 3) == (0.2, 0.0, 3)
    assert loading._mix(0.0, 0.4, 3) == (0.0, 0.4, 3)
    assert loading._mix(0.0, 0.0, 3) is None


def test_share_cuts_batches(made):
    share = sharing.Share(1, 1, 2)
    splits = kerasdl.data.load("some", batch_size=6, share=share)
    assert [len(labels) for _, labels in splits.train] == [3, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 2**31}, "value for argument `seed`. Expected an integer from 0 to 2147483647. R"),
        ({"batch_size": 2**31}, "value for argument `batch_size`. Expected a positive integer, at"),
        ({"skip_bad": 1}, "value for argument `skip_bad`. Expected True or False. Received: 1"),
        ({"shard": "files"}, "value for argument `shard`. Expected one of file, index. Received: "),
        ({"share": 2}, "value for argument `share`. Expected a Share or None. Received: 2"),
        ({"curriculum": 2}, "value for argument `curriculum`. Expected a Curriculum or None. Rece"),
        ({"cutmix": 1.5}, "value for argument `cutmix`. Expected a fraction in [0, 1]. Received: "),
        (
            {"shard": "file", "skip_bad": True},
            "value for argument `skip_bad`. Expected False with shard='file', whose lengths must "
            "be as written. Received: True",
        ),
        (
            {"shard": "file", "curriculum": kerasdl.data.Curriculum([1.0])},
            "value for argument `curriculum`. Expected None with shard='file', which reads files "
            "from start to end. Received: Curriculum",
        ),
        (
            {"shard": "file"},
            "data for shard='file'. Expected TFRecord files. Received: digits",
        ),
        (
            {"splt": "half"},
            "option for dataset `digits`. Expected one of split, validation. Received: splt",
        ),
    ],
)
def test_whole_messages(options, message):
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.load("digits", **options)
    assert str(raised.value).startswith(f"Invalid {message}")


def test_options_of_a_function_exclude_those_of_load(made):
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.load("some", cout=3)
    assert "skip_bad" not in str(raised.value) and "image_size" not in str(raised.value)


def test_nothing_to_train_on_is_named(made):
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.load("some", count=0)
    assert str(raised.value) == (
        "Invalid training split of `some`. Expected options that leave something to train on. "
        "Received: {'train': 0, 'validation': 0, 'test': 4}"
    )


def test_options_for_images_are_named():
    for options in ({"mixup": 0.5}, {"augment": True}, {"cutmix": 0.5}, {"image_size": 4}):
        with pytest.raises(InvalidInput) as raised:
            kerasdl.data.load("moons", count=20, **options)
        (name,) = options
        assert str(raised.value) == (
            f"Invalid argument `{name}`. Expected a dataset of images for it. Received: moons"
        )


def test_only_classes_are_mixed():
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.load("shapes", count=20, image_size=8, elements="boxes", mixup=0.2)
    assert str(raised.value) == (
        "Invalid argument `mixup` or `cutmix`. Expected one class an image. Received: shapes"
    )


def test_reader_follows_from_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "a.txt", "a.tfrecord"):
        (tmp_path / name).write_text("")
    (tmp_path / "images").mkdir()
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "features.json").write_text("{}")
    for name, module in (
        ("a.csv", "table"),
        ("a.txt", "text"),
        ("a.tfrecord", "tfrecords"),
        ("images", "folder"),
        ("records", "tfrecords"),
        ("tfds:digits", "tfds"),
        (".", "folder"),
    ):
        found = loading._maker(name)
        assert found.func.__module__ == f"kerasdl.data.readers.{module}" and found.args == (name,)
    assert loading._maker("iris").__name__ == "iris"


@pytest.mark.parametrize("name", ["none.csv", "a/none", "none.xyz", ""])
def test_missing_data_are_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as raised:
        loading._maker(name)
    assert str(raised.value) == (
        "Invalid data. Expected a dataset's name, tfds:NAME, or an existing folder, .csv or .txt "
        f"file (also .conll, .npz, .parquet, .tsv and patterns of images). Received: {name}"
    )
    with pytest.raises(InvalidInput) as raised:
        loading._maker("irs")
    assert str(raised.value) == (
        "Invalid name of a dataset. Expected one of 30 names (did you mean iris?; "
        "`kerasdl list data` lists them). Received: irs"
    )


@pytest.mark.parametrize("name", [3, None, b"digits"])
def test_other_data_are_refused(name):
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.load(name)
    assert str(raised.value) == (
        "Invalid value for argument `name`. Expected the name of a dataset, a path, or (inputs, "
        f"targets), a DataFrame or tf.data.Dataset. Received: {name!r}"
    )


def test_bad_examples_are_found_in_the_order_of_the_epoch(made, monkeypatch):
    asked = []
    monkeypatch.setattr(loading.pipeline, "find_bad", lambda *arguments: asked.append(arguments))
    splits = kerasdl.data.load("some", seed=4)
    splits.check()
    ((source, seed, epoch),) = asked
    assert seed == 4 and epoch is splits.epoch and len(source.train) == 12
    assert isinstance(epoch, tf.Variable)
