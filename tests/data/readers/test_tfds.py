"""TensorFlow Datasets: reading sharded files, damaged files, and a missing network."""

import json
import re
import shutil
import socket
import sys
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

import kerasdl.data
from kerasdl.data import tfrecord_format
from kerasdl.data.builders import Digits, Shapes
from kerasdl.data.sets import digits
from kerasdl.errors import InvalidInput


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Both datasets, written as TFRecords in several shards."""
    folder = tmp_path_factory.mktemp("tfds")
    config = tfds.download.DownloadConfig(num_shards=3)
    Digits(data_dir=folder).download_and_prepare(download_config=config)
    Shapes(count=60, data_dir=folder).download_and_prepare(download_config=config)
    return folder


def test_digits_are_read_as_they_were_written(data_dir):
    assert len(list(data_dir.glob("digits/1.0.0/*train.tfrecord*"))) == 3
    splits = kerasdl.data.load("tfds:digits", data_dir=data_dir, batch_size=1000)
    counts = splits.info.counts
    assert counts["train"] + counts["validation"] == 898
    assert 80 <= counts["validation"] <= 90  # a tenth of each class, rounded down
    assert counts["test"] == 899
    assert splits.info.classes == tuple("0123456789")
    images, labels = next(splits.test.as_numpy_iterator())
    source = digits.digits(seed=0)

    def sorted_rows(images, labels):
        rows = np.concatenate([images.reshape(-1, 64), labels[:, None]], axis=1)
        return rows[np.lexsort(rows.round(2).T)]

    np.testing.assert_allclose(
        sorted_rows(images, labels), sorted_rows(*source.test.arrays), atol=1 / 255
    )


def test_shapes_with_their_own_splits_from_memory_and_from_disk(data_dir):
    load = {"data_dir": data_dir, "image_size": 16, "batch_size": 7}
    kept = kerasdl.data.load("tfds:shapes", **load)
    read = kerasdl.data.load("tfds:shapes", memory=0, **load)
    assert kept.info.counts == {"train": 48, "validation": 6, "test": 6}
    assert kept.info.shape == read.info.shape == (16, 16, 3)
    for split in ("train", "test"):
        pairs = zip(getattr(kept, split), getattr(read, split), strict=True)
        for (images, labels), (others, classes) in pairs:
            np.testing.assert_array_equal(labels, classes)
            np.testing.assert_allclose(images, others, atol=1e-6)


def test_an_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="tfds:no_such_set"):
        kerasdl.data.load("tfds:no_such_set", data_dir=tmp_path)


@pytest.mark.rows("OTH-21")
def test_a_missing_network_is_reported_at_once_in_one_line(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("Network is unreachable")

    for function in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, function, offline)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    start = time.monotonic()
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load("tfds:mnist", data_dir=tmp_path)
    assert time.monotonic() - start < 15
    assert "a network to download it" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.tfrecord*"))


@pytest.fixture
def damaged(data_dir, tmp_path):
    """A copy of the digits, and its three training files."""
    shutil.copytree(data_dir / "digits", tmp_path / "digits")
    return tmp_path, sorted(tmp_path.glob("digits/1.0.0/*train.tfrecord*"))


def truncated(file):
    file.write_bytes(file.read_bytes()[:-20])


def emptied(file):
    file.write_bytes(b"")


def other_data(file):
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)


def other_length(file):
    starts, _, _ = tfrecord_format.index(file)
    content = bytearray(file.read_bytes())
    content[starts[10]] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "lost", "message"),
    [
        (truncated, 1, "record {last} of `{file}` at byte .* the file's end after [0-9]* of"),
        (emptied, None, "record 0 of `{file}` at byte 0. .* Received: an empty file"),
        (other_data, 1, "record 0 of `{file}` at byte 0. .* data with a wrong checksum"),
        (other_length, -10, "record 10 of `{file}` .* a length with a wrong checksum"),
    ],
)
def test_damaged_files_are_named_with_record_and_byte(damaged, harm, lost, message):
    data_dir, files = damaged
    count = len(tfrecord_format.index(files[1])[0])
    harm(files[1])
    pattern = message.format(file=re.escape(str(files[1])), last=count - 1)
    with pytest.raises(InvalidInput, match=pattern) as caught:
        kerasdl.data.load("tfds:digits", data_dir=data_dir)
    assert "\n" not in str(caught.value) and "--skip-bad" in str(caught.value)
    info = kerasdl.data.load("tfds:digits", data_dir=data_dir, skip_bad=True).info
    lost = count if lost is None else lost if lost > 0 else count + lost
    assert info.skipped.count == lost
    assert info.skipped.total == 898 + 899
    assert info.counts["train"] + info.counts["validation"] == 898 - lost


class Strays(tfds.core.GeneratorBasedBuilder):
    """A dataset of 60 images, two of which have the label -1."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(8, 8, 1))
        features = {"image": image, "label": tfds.features.ClassLabel(num_classes=3)}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(60):
            label = -1 if i in (20, 40) else i % 3
            yield i, {"image": np.full((8, 8, 1), i, "uint8"), "label": label}


def test_labels_out_of_range_are_named(tmp_path):
    Strays(data_dir=tmp_path).download_and_prepare()
    load = {"data_dir": tmp_path, "batch_size": 100}
    pattern = (
        r"label of `tfds:strays train \d+`. Expected a class from 0 to 2. Received: -1 \(1 more"
    )
    with pytest.raises(InvalidInput, match=pattern):
        kerasdl.data.load("tfds:strays", **load)
    splits = kerasdl.data.load("tfds:strays", skip_bad=True, **load)
    assert splits.info.skipped.reasons == {"label out of range": 2}
    values = [np.round(255 * x.numpy().max(axis=(1, 2, 3))) for x, _ in splits.train]
    assert not {20, 40} & set(np.concatenate(values).tolist())


def described(data_dir, tmp_path, edit):
    """Copy the digits and edit their `features.json`."""
    shutil.copytree(data_dir / "digits", tmp_path / "digits")
    file = tmp_path / "digits" / "1.0.0" / "features.json"
    features = json.loads(file.read_text())
    edit(features, features["featuresDict"]["features"])
    file.write_text(json.dumps(features))
    return tmp_path


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in the current folder that raises when it is imported."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "stranger.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))


def top(features, parts):
    features["pythonClassName"] = "stranger.Features"


def nested(features, parts):
    parts["image"]["pythonClassName"] = "stranger.Image"


def legacy(features, parts):
    features.clear()
    features.update(type="stranger.Features", content={})


@pytest.mark.parametrize("edit", [top, nested, legacy])
def test_modules_named_in_features_are_not_imported(data_dir, tmp_path, module, edit):
    place = described(data_dir, tmp_path, edit)
    with pytest.raises(InvalidInput, match=r"classes of TensorFlow Datasets .*stranger\."):
        kerasdl.data.load("tfds:digits", data_dir=place)
    assert "stranger" not in sys.modules
    kerasdl.data.load("tfds:digits", data_dir=data_dir)  # patches are removed


def test_too_many_classes_raise(data_dir, tmp_path):
    def edit(features, parts):
        parts["label"]["classLabel"]["numClasses"] = str(10**12)

    place = described(data_dir, tmp_path, edit)
    (place / "digits" / "1.0.0" / "label.labels.txt").unlink()
    with pytest.raises(InvalidInput, match=r"at most 1,048,576 classes"):
        kerasdl.data.load("tfds:digits", data_dir=place)


def test_images_larger_than_memory_raise(data_dir, tmp_path):
    def edit(features, parts):
        parts["image"]["image"]["shape"]["dimensions"] = ["1000000000", "1000000000", "1"]

    place = described(data_dir, tmp_path, edit)
    with pytest.raises(InvalidInput, match=r"at most 67,108,864 numbers"):
        kerasdl.data.load("tfds:digits", data_dir=place)


def test_wrong_lengths_of_shards_raise(data_dir, tmp_path):
    place = described(data_dir, tmp_path, lambda *_: None)
    file = place / "digits" / "1.0.0" / "dataset_info.json"
    info = json.loads(file.read_text())
    info["splits"][0]["shardLengths"][0] = str(10**12)
    file.write_text(json.dumps(info))
    for skip_bad in (False, True):
        with pytest.raises(InvalidInput, match=r"the file's end|at most half of it"):
            kerasdl.data.load("tfds:digits", data_dir=place, skip_bad=skip_bad)


def test_without_download_only_prepared_datasets_are_read(data_dir, tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        raise AssertionError("prepared")

    monkeypatch.setattr(tfds, "builder", fails)
    assert kerasdl.data.load("tfds:digits", data_dir=data_dir, download=False).info.counts["test"]
    for place in (tmp_path, "gs://bucket"):
        with pytest.raises(InvalidInput, match=r"a prepared dataset in .* \(`trust=True`, --trust"):
            kerasdl.data.load("tfds:mnist", data_dir=place, download=False)
