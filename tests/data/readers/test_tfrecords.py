"""TFRecords of users: writing, reading, descriptions, and errors that name the bad record."""

import json
import resource
import time

import numpy as np
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.data import tfrecord_format
from kerasdl.errors import InvalidInput


def arrays(dataset):
    parts = list(dataset.as_numpy_iterator())
    return tf.nest.map_structure(lambda *batches: np.concatenate(batches), *parts)


@pytest.fixture
def images(tmp_path):
    """Images whose pixels are their number, in seven training files of different lengths."""
    numbers = np.arange(100)
    pixels = (numbers[:, None, None, None] * np.ones((1, 6, 4, 3))).astype("uint8")
    labels = (numbers % 3).astype("int32")
    source = {"train": (pixels[:80], labels[:80]), "test": (pixels[80:], labels[80:])}
    kerasdl.data.write_records(source, tmp_path, shards=7, classes=("a", "b", "c"))
    return tmp_path


def test_written_datasets_are_read_back(tmp_path):
    for name, options in (("digits", {}), ("shapes", {"count": 30, "elements": "class,boxes"})):
        splits = kerasdl.data.load(name, **options)
        files = kerasdl.data.write_records(splits, tmp_path / name, shards=3)
        assert len(files) == 9 and not list(tmp_path.glob("*/partial-*"))
        back = kerasdl.data.load(tmp_path / name)
        assert int(splits.epoch) == -1
        for field in ("task", "classes", "shape", "counts"):
            assert getattr(back.info, field) == getattr(splits.info, field)
        first, second = (arrays(s.test) for s in (splits, back))
        totals = [tf.nest.map_structure(lambda a: np.sort(a.ravel()), x) for x in (first, second)]
        tf.nest.map_structure(np.testing.assert_array_equal, *totals)


@pytest.mark.parametrize("options", [{}, {"augment": "light"}, {"mixup": 0.3}, {"image_size": 3}])
def test_reading_from_memory_and_from_disk_gives_the_same(images, options):
    kept = kerasdl.data.load(images, batch_size=7, seed=2, **options)
    read = kerasdl.data.load(images, batch_size=7, seed=2, memory=0, **options)
    assert kept.info.counts == read.info.counts == {"train": 72, "validation": 8, "test": 20}
    for split in ("train", "train", "validation", "test"):
        for (x, y), (u, v) in zip(getattr(kept, split), getattr(read, split), strict=True):
            np.testing.assert_allclose(x, u, atol=1e-6)
            np.testing.assert_allclose(y, v, atol=1e-6)


def test_png_is_smaller_and_lossless(tmp_path):
    splits = kerasdl.data.load("shapes", count=40)
    for encoding in ("raw", "png"):
        kerasdl.data.write_records(splits, tmp_path / encoding, encoding=encoding)
    raw, png = (sum(f.stat().st_size for f in (tmp_path / e).iterdir()) for e in ("raw", "png"))
    assert png < raw / 5
    first, second = (arrays(kerasdl.data.load(tmp_path / e).test) for e in ("raw", "png"))
    np.testing.assert_allclose(first[0], second[0], atol=1e-6)


def test_records_of_other_programs_are_read_with_a_description(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "all.tfrecord")) as writer:
        for i in range(40):
            image = tf.io.encode_png(np.full((5, 5 + i, 3), i, "uint8")).numpy()
            features = {
                "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                "image/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[i % 2])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    inputs = {"feature": "image/encoded", "shape": [6, 6, 3], "dtype": "uint8"}
    targets = {"feature": "image/label", "shape": [], "dtype": "int32", "encoding": "values"}
    described = {"classes": ["a", "b"], "inputs": {**inputs, "encoding": "image"}}
    (tmp_path / "features.json").write_text(json.dumps({**described, "targets": targets}))
    for place in (tmp_path, tmp_path / "all.tfrecord"):
        splits = kerasdl.data.load(place, batch_size=100)
        assert splits.info.counts == {"train": 32, "validation": 4, "test": 4}
        x, y = next(splits.train.as_numpy_iterator())
        assert x.shape == (32, 6, 6, 3) and (np.round(255 * x[:, 0, 0, 0]) % 2 == y).all()


def emptied(file):
    file.write_bytes(b"")


def truncated(file):
    file.write_bytes(file.read_bytes()[:-50])


def other_data(file):
    content = bytearray(file.read_bytes())
    content[60] ^= 1
    file.write_bytes(content)


def strange(file):
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(b"not an example")
        for _ in range(11):
            writer.write(tf.train.Example().SerializeToString())


@pytest.mark.parametrize(
    ("harm", "lost", "received"),
    [
        (emptied, 12, "record 0 .* at byte 0. Expected a whole TFRecord. Received: an empty file"),
        (truncated, 1, r"record 11 .* at byte \d+. .* the file's end after \d+ of"),
        (other_data, 1, "record 0 .* at byte 0. .* data with a wrong checksum"),
        (strange, 12, "record 0 .* at byte 0. Expected an Example with inputs, targets"),
    ],
)
def test_damaged_records_are_named_and_can_be_skipped(images, harm, lost, received):
    file = images / "train-00001-of-00007.tfrecord"
    harm(file)
    with pytest.raises(InvalidInput, match=received) as caught:
        kerasdl.data.load(images)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    for memory in (2**30, 0):
        info = kerasdl.data.load(images, memory=memory, skip_bad=True).info
        assert (info.skipped.count, info.skipped.total) == (lost, 100)
        assert sum(info.counts.values()) == 100 - lost


def test_a_file_that_is_damaged_after_loading_is_named(images):
    splits = kerasdl.data.load(images, memory=0)
    splits.check()
    other_data(images / "train-00001-of-00007.tfrecord")
    with pytest.raises(tf.errors.OpError, match=r"record 0 of .*train-00001"):
        list(splits.train)
    with pytest.raises(InvalidInput, match=r"record 0 of .*train-00001.* a wrong checksum"):
        splits.check()


def test_labels_out_of_range_are_named(images):
    known = json.loads((images / "features.json").read_text())
    (images / "features.json").write_text(json.dumps({**known, "classes": ["a", "b"]}))
    with pytest.raises(InvalidInput, match=r"a class from 0 to 1. Received: 2 \(2. more like it"):
        kerasdl.data.load(images)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": 3, "targets": {}}'])
def test_invalid_descriptions_are_refused(images, text):
    (images / "features.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"features\.json"):
        kerasdl.data.load(images)


def test_an_index_finds_every_record(tmp_path):
    file, random = tmp_path / "x.tfrecord", np.random.default_rng(0)
    data = [random.bytes(int(length)) for length in random.integers(0, 300, 500)]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for one in data:
            writer.write(one)
    starts, lengths, fault = tfrecord_format.index(file)
    reader = tfrecord_format.Reader(file)
    found = [reader.read(*place) for place in zip(starts.tolist(), lengths.tolist(), strict=True)]
    assert fault is None and [one[:-4] for one in found] == data
    assert tfrecord_format.are_whole(found).all()


def test_replaced_files_are_read_again(tmp_path):
    rows = {"train": 16, "test": 4}
    for value in (1, 2):
        source = {
            name: (np.full((count, 2), value, "float32"), np.zeros(count, "int32"))
            for name, count in rows.items()
        }
        kerasdl.data.write_records(source, tmp_path, shards=1, classes=("a", "b"))
        splits = kerasdl.data.load(tmp_path, memory=0)
        inputs, _ = next(splits.test.as_numpy_iterator())
        assert (inputs == value).all()


def changed(images, change):
    known = json.loads((images / "features.json").read_text())
    change(known)
    (images / "features.json").write_text(json.dumps(known))


MAY = "`features.json`|of the train|as `features.json` describes them"
ODD = [-1, 0, 2.5, 1e9, float("nan"), "x", None, True, {}, [], [-1], [None], [10**9] * 2, [1] * 99]


@pytest.mark.parametrize("key", ["feature", "shape", "dtype", "encoding"])
@pytest.mark.parametrize("part", ["inputs", "targets"])
def test_invalid_features_raise_one_line(images, part, key):
    text = (images / "features.json").read_text()
    for value in ODD:
        changed(images, lambda known, value=value: known[part].update({key: value}))
        possible = part == "targets" and key == "shape" and value == []
        if not possible and not (key == "feature" and value == "x"):
            with pytest.raises(InvalidInput, match=MAY) as e:
                kerasdl.data.load(images)
            assert "\n" not in str(e.value)
        (images / "features.json").write_text(text)


@pytest.mark.parametrize("key", ["task", "classes", "vocabulary", "target_scale", "counts"])
def test_invalid_facts_raise_one_line(images, key):
    text = (images / "features.json").read_text()
    for value in (-1, "x", True, [None], [{}], {"train-00000-of-00007.tfrecord": -1}, float("nan")):
        changed(images, lambda known, value=value: known.update({key: value}))
        with pytest.raises(InvalidInput, match=r"`features.json`|Invalid kind of data"):
            kerasdl.data.load(images)
        (images / "features.json").write_text(text)


@pytest.mark.parametrize("nested", ["[" * 5000 + "]" * 5000, '{"a":' * 5000 + "3" + "}" * 5000])
def test_deeply_nested_features_raise(images, nested):
    text = '{"inputs": NESTED, "targets": {}}'.replace("NESTED", nested)
    (images / "features.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"features\.json"):
        kerasdl.data.load(images)


def test_examples_larger_than_memory_raise(images):
    for shape in ([10**9, 10**9, 3], [2**14, 2**14, 1]):
        changed(images, lambda known, shape=shape: known["inputs"].update(shape=shape))
        with pytest.raises(InvalidInput, match="at most 67,108,864 numbers in an example"):
            kerasdl.data.load(images)


@pytest.mark.parametrize("count", [13, 10**12])
def test_stated_count_above_the_number_of_records_raises_quickly(images, count):
    name = "train-00001-of-00007.tfrecord"  # has 12 records
    changed(images, lambda known: known["counts"].update({name: count}))
    start = time.process_time()
    with pytest.raises(InvalidInput, match=rf"record 12 of .*{name}.* the file's end"):
        kerasdl.data.load(images)
    with pytest.raises(InvalidInput, match=rf"file `.*{name}`.* {count:,} records"):
        kerasdl.data.load(images, shard="file", batch_size=8).check()
    assert time.process_time() - start < 20
    if count == 13:
        assert kerasdl.data.load(images, skip_bad=True).info.skipped.reasons == {
            "damaged record": 1
        }
    else:
        with pytest.raises(InvalidInput, match="at most half of it to be bad"):
            kerasdl.data.load(images, skip_bad=True)


def test_length_of_64_bits_is_reported(tmp_path):
    file, length = tmp_path / "x.tfrecord", np.array([2**64 - 20], "<u8").view("u1")
    total = tfrecord_format.checksums_of_rows(length[None]).astype("<u4").tobytes()
    file.write_bytes(length.tobytes() + total + bytes(40))
    starts, lengths, fault = tfrecord_format.index(file)
    assert len(starts) == len(lengths) == 0 and fault.startswith("the file's end after 52 of")


def test_memory_of_short_records_does_not_depend_on_the_longest(tmp_path):
    file = tmp_path / "x.tfrecord"
    data = [bytes(2**24), *[b"short"] * 2000]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for one in data:
            writer.write(one)
    reader, (starts, lengths, _) = tfrecord_format.Reader(file), tfrecord_format.index(file)
    found = [reader.read(*place) for place in zip(starts.tolist(), lengths.tolist(), strict=True)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert tfrecord_format.are_whole(found).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB
