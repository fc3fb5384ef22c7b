"""TensorFlow Datasets: our builders' sharded files read back, and no network said at once."""

import socket
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

import kerasdl.data
from kerasdl.data.builders import Digits, Shapes
from kerasdl.data.sets import digits
from kerasdl.errors import InvalidInput


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Both sets, written as TFRecords in several shards."""
    folder = tmp_path_factory.mktemp("tfds")
    config = tfds.download.DownloadConfig(num_shards=3)
    Digits(data_dir=folder).download_and_prepare(download_config=config)
    Shapes(count=60, data_dir=folder).download_and_prepare(download_config=config)
    return folder


def test_digits_come_back_as_they_were_written(data_dir):
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

    np.testing.assert_allclose(sorted_rows(images, labels), sorted_rows(*source.test), atol=1 / 255)


def test_shapes_with_own_splits_and_another_size_in_and_out_of_memory(data_dir):
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


def test_an_unknown_set_is_an_error(tmp_path):
    with pytest.raises(InvalidInput, match="tfds:no_such_set"):
        kerasdl.data.load("tfds:no_such_set", data_dir=tmp_path)


def test_no_network_is_one_line_at_once(tmp_path, monkeypatch):
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
