"""Parts of the reader of TensorFlow Datasets: features, splits, network, and whole messages."""

import types

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kerasdl.data import bad_examples
from kerasdl.data.readers import tfds as reader
from kerasdl.errors import InvalidInput

IMAGE = tfds.features.Image(shape=(8, 8, 1))
LABEL = tfds.features.ClassLabel(num_classes=3)


def builder(keys, features):
    info = types.SimpleNamespace(supervised_keys=keys, features=features)
    return types.SimpleNamespace(info=info)


def test_image_and_class_are_the_supervised_keys():
    features = tfds.features.FeaturesDict({"x": IMAGE, "y": LABEL, "z": LABEL})
    assert reader._image_and_label("tfds:a", builder(("x", "y"), features)) == ("x", "y")


@pytest.mark.parametrize("keys", [None, ("x",), ("y", "x"), ("x", "none"), ("x", "y", "z"), "xy"])
def test_other_supervised_keys_raise(keys):
    features = tfds.features.FeaturesDict({"x": IMAGE, "y": LABEL, "z": LABEL})
    with pytest.raises(InvalidInput) as raised:
        reader._image_and_label("tfds:a", builder(keys, features))
    assert str(raised.value) == (
        "Invalid data `tfds:a`. Expected a dataset of images with classes. "
        "Received: features ['x', 'y', 'z']"
    )


@pytest.mark.parametrize(("count", "holds"), [(0, False), (1, True), (2**20, True)])
def test_number_of_classes_is_limited(count, holds):
    features = tfds.features.FeaturesDict(
        {"x": IMAGE, "y": tfds.features.ClassLabel(num_classes=3)}
    )
    features["y"]._num_classes = count
    if holds:
        assert reader._image_and_label("tfds:a", builder(("x", "y"), features)) == ("x", "y")
    for wrong in (2**20 + 1, *([] if holds else [count])):
        features["y"]._num_classes = wrong
        with pytest.raises(InvalidInput) as raised:
            reader._image_and_label("tfds:a", builder(("x", "y"), features))
        assert str(raised.value) == (
            f"Invalid data `tfds:a`. Expected at most 1,048,576 classes. Received: {wrong}"
        )


def test_labels_out_of_range_are_noted():
    inspection = bad_examples.Inspection(skip=True)
    reader._note_strays("tfds:a", "test", np.array([0, 2, 3, -1]), 3, inspection)
    assert inspection.found == {"tfds:a test 2", "tfds:a test 3"}
    assert inspection._reasons == {"label out of range": 2}
    place, parts = inspection._first[0]
    assert place == "tfds:a test 2"
    assert parts == ("label of `tfds:a test 2`", "a class from 0 to 2", 3)


def split(count):
    labels = np.arange(count, dtype="int32") % 2
    return np.arange(count), labels, np.arange(count).astype(str)


def test_missing_splits_are_cut_from_the_training_split():
    found = reader._three("a", {"train": split(40)}, 0, 0.1, 0.2)
    assert {name: len(part[1]) for name, part in found.items()} == {
        "train": 28,
        "validation": 4,
        "test": 8,
    }
    contents = np.concatenate([part[0] for part in found.values()])
    assert sorted(contents) == [*range(40)]
    assert np.bincount(found["test"][1]).tolist() == [4, 4]  # stratified
    own = reader._three("a", {"train": split(40), "test": split(6)}, 0, 0.1, 0.2)
    assert [len(own[name][1]) for name in ("train", "validation", "test")] == [36, 4, 6]
    own = reader._three("a", {"train": split(40), "validation": split(6)}, 0, 0.1, 0.2)
    assert [len(own[name][1]) for name in ("train", "validation", "test")] == [32, 6, 8]
    with pytest.raises(InvalidInput) as raised:
        reader._three("tfds:a", {"test": split(6)}, 0, 0.1, 0.2)
    assert str(raised.value) == (
        "Invalid data `tfds:a`. Expected a training split. Received: ['test']"
    )


def test_examples_become_arrays():
    contents, labels = reader._arrays([(b"a", 3), (b"bc", 4)])
    assert contents.tolist() == [b"a", b"bc"] and contents.dtype == object
    assert labels.tolist() == [3, 4] and labels.dtype == "int32"
    contents, labels = reader._arrays([])
    assert len(contents) == len(labels) == 0


@pytest.mark.parametrize(
    ("urls", "proxies", "expected"),
    [
        (["http://a.org/x", "http://b.org"], {}, [("a.org", 80)]),
        (["https://a.org/x"], {}, [("a.org", 443)]),
        (["ftp://a.org:2121/x"], {}, [("a.org", 2121)]),
        ([], {}, []),
        (["http://a.org/x"], {"http": "proxy"}, []),
    ],
)
def test_network_is_tried_at_the_first_address(urls, proxies, expected, monkeypatch):
    asked = []

    def connect(address, timeout):
        asked.append(address)
        assert timeout == 3
        return types.SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(reader.socket, "create_connection", connect)
    monkeypatch.setattr(reader.urllib.request, "getproxies", lambda: proxies)
    reader._check_network("a", types.SimpleNamespace(url_infos=dict.fromkeys(urls)))
    assert asked == expected


def test_missing_network_is_named(monkeypatch):
    def connect(*_):
        raise OSError("unreachable")

    monkeypatch.setattr(reader.socket, "create_connection", connect)
    monkeypatch.setattr(reader.urllib.request, "getproxies", dict)
    made = types.SimpleNamespace(url_infos={"http://a.org": None}, data_dir="/some/folder")
    with pytest.raises(InvalidInput) as raised:
        reader._check_network("a", made)
    assert str(raised.value) == (
        "Invalid data `tfds:a`. Expected a prepared dataset in /some/folder, or a network to "
        "download it. Received: unreachable"
    )


@pytest.mark.parametrize(
    ("data_dir", "place"), [(None, "the folder of TensorFlow Datasets"), ("/some", "/some")]
)
def test_refused_download_says_how_to_allow_it(data_dir, place):
    assert str(reader._refused("a", data_dir)) == (
        f"Invalid data. Expected a prepared dataset in {place} (`trust=True`, --trust, may "
        "download it). Received: tfds:a"
    )


def test_names_are_parsed_before_anything_is_read(tmp_path):
    with pytest.raises(InvalidInput) as raised:
        reader._prepared("a b/c", tmp_path, False)
    message = str(raised.value)
    assert message.startswith(
        "Invalid data. Expected NAME, NAME/CONFIG or NAME:VERSION of a dataset of TensorFlow "
        "Datasets. Received: tfds:a b/c, "
    )
    assert "\n" not in message
    with pytest.raises(InvalidInput, match=r"prepared dataset in a folder of this computer \(`tru"):
        reader._prepared("mnist", "gs://bucket", False)


@pytest.mark.parametrize(
    ("error", "reason"), [(KeyError("x\ny"), r"'x\\ny'"), (OSError(), r"OSError\(\)")]
)
def test_any_error_of_a_damaged_dataset_is_one_line(error, reason):
    message = (
        rf"^Invalid data. Expected a prepared dataset that can be read. Received: a, {reason}$"
    )
    with pytest.raises(InvalidInput, match=message), reader._one_line("a"):
        raise error
    with pytest.raises(InvalidInput, match=r"^Invalid own"), reader._one_line("a"):
        raise InvalidInput("own", "this", "that")


def test_only_registered_classes_of_features_are_known():
    name = "tensorflow_datasets.core.features.image_feature.Image"
    assert reader._known_class("a", name) is tfds.features.Image
    with pytest.raises(InvalidInput) as raised:
        reader._known_class("a", "os.Image")
    assert str(raised.value) == (
        "Invalid features of data `tfds:a`. Expected classes of TensorFlow Datasets (import the "
        "module of another first). Received: os.Image"
    )


@pytest.mark.parametrize("data_dir", [None, "/some"])
def test_unknown_names_are_named(data_dir, monkeypatch):
    def fail(name, **options):
        assert options == {"data_dir": data_dir, "try_gcs": False}
        raise ValueError("no")

    monkeypatch.setattr(tfds, "builder", fail)
    with pytest.raises(InvalidInput) as raised:
        reader._downloaded("a", data_dir)
    assert str(raised.value) == (
        "Invalid data. Expected the name of a dataset of TensorFlow Datasets, or one in "
        f"{data_dir or 'data_dir'}. Received: tfds:a"
    )


def test_dataset_is_prepared_if_there_is_a_network(monkeypatch):
    done = []
    made = types.SimpleNamespace(download_and_prepare=lambda: done.append("prepared"))
    monkeypatch.setattr(tfds, "builder", lambda name, **options: made)
    monkeypatch.setattr(reader, "_check_network", lambda *arguments: done.append(arguments))
    assert reader._downloaded("a", None) is made and done == [("a", made), "prepared"]


def test_files_of_a_split_are_tfrecords():
    info = types.SimpleNamespace(filepaths=["a", "b"], shard_lengths=[3, 4])
    for file_format, expected in (("tfrecord", [("a", 3), ("b", 4)]), ("riegeli", [])):
        kind = types.SimpleNamespace(value=file_format)
        made = types.SimpleNamespace(
            info=types.SimpleNamespace(splits={"train": info}, file_format=kind)
        )
        assert reader._shards(made, "train") == expected
