"""Parts of the reader of TFRecords: features, descriptions, places, whole files and messages."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import kerasdl.data
from kerasdl.data import bad_examples, tfrecord_format
from kerasdl.data.examples import Arrays
from kerasdl.data.kinds import Stored
from kerasdl.data.readers import tfrecords
from kerasdl.data.readers.tfrecords import Feature, Records, WholeFiles
from kerasdl.data.sharing import Share
from kerasdl.data.splits import NAMES
from kerasdl.errors import InvalidInput

FEATURES = (Feature("inputs", (2, 3), "float32"), Feature("targets", (), "int32"))


def values(count, first=0):
    """Return inputs that are all the number of their example, and the numbers as targets."""
    numbers = np.arange(first, first + count)
    return (numbers[:, None, None] * np.ones((1, 2, 3))).astype("float32"), numbers.astype("int32")


def write(path, x, y):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in zip(x, y, strict=True):
            writer.write(tfrecords._encoded(example, FEATURES))


def places_of(number, file):
    starts, lengths, _ = tfrecord_format.index(file)
    return tfrecords._places(number, starts, lengths)


@pytest.fixture
def files(tmp_path):
    """Two files of 3 and 4 examples."""
    names = [str(tmp_path / name) for name in ("a.tfrecord", "b.tfrecord")]
    write(names[0], *values(3))
    write(names[1], *values(4, first=3))
    return tuple(names)


@pytest.fixture
def records(files):
    places = np.concatenate([places_of(number, file) for number, file in enumerate(files)])
    return Records(FEATURES, files, places)


# ---- features


def test_feature_has_the_stored_shape_and_the_one_it_is_brought_to():
    feature = Feature("a", [6, 4, 3], "uint8", "image", (2, 5))
    assert (feature.stored, feature.shape, feature.size) == ((6, 4, 3), (2, 5, 3), (2, 5))
    assert Feature("a", [6, 4], "int32").shape == (6, 4)
    assert Feature("a", [6, 4], "int32").encoding == "raw"
    assert feature.described() == {
        "feature": "a",
        "shape": [6, 4, 3],
        "dtype": "uint8",
        "encoding": "image",
    }


@pytest.mark.parametrize(
    ("dtype", "encoding", "shape", "kind"),
    [
        ("float64", "values", [2, 3], "float32"),
        ("float16", "values", [2, 3], "float32"),
        ("uint8", "values", [2, 3], "int64"),
        ("float32", "raw", [], "string"),
        ("uint8", "image", [], "string"),
    ],
)
def test_feature_is_parsed_as_numbers_or_as_one_string(dtype, encoding, shape, kind):
    found = Feature("a", (2, 3), dtype, encoding).in_example()
    assert (list(found.shape), found.dtype) == (shape, kind)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int16", "int64"])
def test_raw_arrays_are_decoded_exactly(dtype):
    feature = Feature("a", (2, 3), dtype)
    batch = (np.arange(12).reshape(2, 2, 3) * 1.5).astype(dtype)
    encoded = [feature.encode(one).bytes_list.value[0] for one in batch]
    assert len(encoded[0]) == 6 * np.dtype(dtype).itemsize
    found = feature.decode(tf.constant(encoded))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, batch)
    with pytest.raises(tf.errors.InvalidArgumentError):
        feature.decode(tf.constant([encoded[0][:-1]]))


def test_array_of_another_shape_is_not_encoded():
    with pytest.raises(InvalidInput) as raised:
        Feature("a", (2, 3), "uint8").encode(np.zeros((3, 2), "uint8"))
    assert str(raised.value) == (
        "Invalid example to write. Expected shape (2, 3) for `a`, as the first example has. "
        "Received: (3, 2)"
    )


@pytest.mark.parametrize("size", [None, (2, 2)])
def test_images_are_stored_as_png(size):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), "uint8")
    feature = Feature("a", (4, 4, 3), "uint8", "image", size)
    (data,) = Feature("a", (4, 4, 3), "uint8", "image").encode(pixels).bytes_list.value
    assert data.startswith(b"\x89PNG")
    (floats,) = Feature("a", (4, 4, 3), "uint8", "image").encode(pixels / 255).bytes_list.value
    assert floats == data
    found = feature.decode(tf.constant([data, data]))
    expected = pixels if size is None else np.round(tf.image.resize(pixels, size, antialias=True))
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, [expected, expected])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_raw_images_are_resized_with_antialiasing_and_keep_their_type(dtype):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 1)).astype(dtype)
    feature = Feature("a", (8, 6, 1), dtype, "raw", (4, 3))
    found = feature.decode(tf.constant([image.tobytes() for image in images]))
    expected = tf.image.resize(images, (4, 3), antialias=True).numpy()
    expected = np.round(expected) if dtype == "uint8" else expected
    assert found.dtype == dtype and found.shape == (3, 4, 3, 1)
    np.testing.assert_allclose(np.array(found, float), expected, atol=1e-4)


def test_lists_of_numbers_are_cast():
    feature = Feature("a", (2,), "uint8", "values")
    found = feature.decode(tf.constant([[1, 2], [3, 255]], "int64"))
    assert found.dtype == "uint8" and found.numpy().tolist() == [[1, 2], [3, 255]]


# ---- records


def test_places_are_file_record_byte_and_length(records):
    length = len(tfrecords._encoded((*[part[0] for part in values(1)],), FEATURES))
    assert records.places[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert records.places[:, 1].tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert set(records.places[:, 3]) <= {length, length + 1, length - 1}
    assert records.places[[0, 3], 2].tolist() == [0, 0]
    assert len(records) == 7 and len(records.take(slice(2, 5))) == 3
    assert records.structure == (Stored((2, 3), "float32"), Stored((), "int32"))


def test_rows_are_read_in_any_order(records):
    rows = np.array([6, 0, 3])
    x, y = records.parse(records.read(rows))
    np.testing.assert_array_equal(y, rows)
    np.testing.assert_array_equal(x, rows[:, None, None] * np.ones((1, 2, 3)))
    taken = records.take(np.array([5, 1]))
    np.testing.assert_array_equal(taken.parse(taken.read(np.arange(2)))[1], [5, 1])


def test_one_hot_labels_and_sizes_change_the_structure():
    image = Feature("inputs", (4, 6, 3), "uint8")
    made = Records((image, FEATURES[1]), (), np.zeros((0, 4), int))
    assert made.one_hot(5).structure == (Stored((4, 6, 3), "uint8"), Stored((5,), "float32"))
    changed = made.resized([2, 3])
    assert changed.structure == (Stored((2, 3, 3), "uint8"), Stored((), "int32"))
    assert changed.features[0].stored == (4, 6, 3) and made.structure[0].shape == (4, 6, 3)


def test_one_hot_labels_are_parsed(records):
    _, y = records.one_hot(8).parse(records.read(np.array([2, 6])))
    np.testing.assert_array_equal(y, np.eye(8)[[2, 6]])


def damage(file, places, row):
    content = bytearray(pathlib.Path(file).read_bytes())
    content[int(places[row, 2]) + 12 + 20] ^= 1
    pathlib.Path(file).write_bytes(content)


def test_records_are_checked_at_their_first_read_only(records, files):
    records.read(np.array([3, 4]))
    damage(files[1], records.places, 4)
    records.read(np.array([4]))  # checked before
    damage(files[1], records.places, 5)
    byte = int(records.places[5, 2])
    with pytest.raises(InvalidInput) as raised:
        records.read(np.array([3, 5, 6]))
    assert str(raised.value) == (
        f"Invalid record 2 of `{files[1]}` at byte {byte}. Expected a whole TFRecord. "
        "Received: data with a wrong checksum"
    )
    with pytest.raises(InvalidInput, match=r"^Invalid record 1 of `.*b\.tfrecord`"):
        records.find_bad([np.array([0, 1]), np.array([4])])
    data, whole = records.inspect(np.array([3, 4, 5]))
    assert whole.tolist() == [True, False, False] and len(data) == 3
    np.testing.assert_array_equal(records.parse(data[:1])[1], [3])


def test_record_with_other_features_is_named(records, files):
    with tf.io.TFRecordWriter(files[1]) as writer:
        writer.write(b"no example")
    part = Records(FEATURES, files, places_of(1, files[1]))
    with pytest.raises(InvalidInput) as raised:
        part.find_bad([np.array([0])])
    message = str(raised.value)
    assert message.startswith(f"Invalid record 0 of `{files[1]}` at byte 0. Expected a whole TFRec")
    assert "\n" not in message and "Received: data with" not in message


def inspected(records, classes=None, keep=True):
    inspection = bad_examples.Inspection(skip=True)
    rows, arrays = tfrecords._inspected(records, classes, inspection, keep)
    return rows.tolist(), arrays, inspection


def test_valid_rows_and_their_arrays(records):
    rows, (x, y), inspection = inspected(records)
    assert rows == [*range(7)] == y.tolist() and x.shape == (7, 2, 3) and not inspection.found
    rows, arrays, _ = inspected(records, keep=False)
    assert rows == [*range(7)] and arrays is None
    rows, arrays, _ = inspected(records.take(slice(0)))
    assert rows == [] and arrays is None


def test_labels_out_of_range_are_noted(records, files):
    rows, (_, y), inspection = inspected(records, tuple("abcde"))
    assert rows == [0, 1, 2, 3, 4] == y.tolist()
    assert inspection._reasons == {"label out of range": 2}
    place, (subject, expected, received) = inspection._first[0]
    byte = int(records.places[5, 2])
    assert place == f"{files[1]} record 2"
    assert subject == f"record 2 of `{files[1]}` at byte {byte}"
    assert (expected, received) == ("a class from 0 to 4", 5)
    assert inspection.found == {(files[1], 2), (files[1], 3)}


def test_damaged_and_other_records_are_noted(records, files):
    damage(files[0], records.places, 1)
    file, other = pathlib.Path(files[1]), pathlib.Path(files[1]).with_name("c.tfrecord")
    with tf.io.TFRecordWriter(str(other)) as writer:
        writer.write(b"no example")
    file.write_bytes(file.read_bytes() + other.read_bytes())
    every = np.concatenate([places_of(number, file) for number, file in enumerate(files)])
    rows, (_, y), inspection = inspected(Records(FEATURES, files, every))
    assert rows == [0, 2, 3, 4, 5, 6] == y.tolist()
    assert inspection._reasons == {"damaged record": 1, "other features": 1}
    (_, first), (place, other) = inspection._first
    assert first[1:] == ("a whole TFRecord", "data with a wrong checksum")
    assert place == f"{files[1]} record 4"
    expected = "an Example with inputs, targets as `features.json` describes them"
    assert other[1:] == (expected, "another record")


def test_chunks_hold_at_most_1024_rows_and_their_bytes(monkeypatch):
    sizes = [len(part) for part in tfrecords._chunks(2500)]
    assert max(sizes) <= 1024 and sum(sizes) == 2500 and len(sizes) == 3
    np.testing.assert_array_equal(np.concatenate(tfrecords._chunks(2500)), np.arange(2500))
    assert [len(part) for part in tfrecords._chunks(0)] == [0]
    monkeypatch.setattr(tfrecords, "CHUNK_BYTES", 100)
    assert [len(part) for part in tfrecords._chunks(10, 20)] == [5, 5]
    assert [len(part) for part in tfrecords._chunks(3, 101)] == [1, 1, 1]  # at least one row
    assert [len(part) for part in tfrecords._chunks(1024, 0)] == [1024]


def test_bytes_of_an_example_are_those_of_all_its_arrays():
    structure = {"a": Stored((2, 3), "float32"), "b": (Stored((), "int64"), Stored((5,), "uint8"))}
    assert tfrecords._bytes_each(structure) == 2 * 3 * 4 + 8 + 5


# ---- whole files


@pytest.fixture
def whole(files):
    return WholeFiles(FEATURES, files, (3, 4))


def test_rows_of_whole_files_are_numbered_through(whole):
    assert len(whole) == 7
    for number, expected in ((0, [0, 1, 2]), (1, [3, 4, 5, 6])):
        found = whole.read_file(number)
        assert int(found.cardinality()) == len(expected)
        rows, data = zip(*found.as_numpy_iterator(), strict=True)
        assert list(rows) == expected
        np.testing.assert_array_equal(whole.parse(np.array(data, object))[1], expected)
    with pytest.raises(InvalidInput) as raised:
        whole.take(3)
    assert str(raised.value) == (
        "Invalid rows of whole files. Expected single records, `shard` is index. Received: 3"
    )


def test_whole_files_of_other_lengths_are_named(whole, files):
    whole.find_bad(None)
    more = WholeFiles(FEATURES, files, (3, 5))
    with pytest.raises(InvalidInput) as raised:
        more.find_bad(None)
    assert str(raised.value) == (
        f"Invalid file `{files[1]}`. Expected 5 records, as features.json says. Received: 4 records"
    )
    file = pathlib.Path(files[0])
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(InvalidInput, match=r"Received: 2 records and the file's end after \d+ of"):
        whole.find_bad(None)


def test_files_to_share_have_a_stated_length(files, tmp_path):
    made = tfrecords._whole(tmp_path, FEATURES, [(files[0], 3), (files[1], 4)])
    assert made.files == files and made.lengths == (3, 4)
    expected = "files train-*.tfrecord, and for each its number of records in `features.json`"
    for found, received in (
        ([], "no such file"),
        ([(files[0], 3), (files[1], None)], f"none for `{files[1]}`"),
        ([(files[0], 0)], f"none for `{files[0]}`"),
    ):
        with pytest.raises(InvalidInput) as raised:
            tfrecords._whole(tmp_path, FEATURES, found)
        assert str(raised.value) == (
            f"Invalid data `{tmp_path}` to share by file. Expected {expected}. Received: {received}"
        )


def test_stated_length_is_limited_by_the_size_of_the_file(tmp_path):
    file = tmp_path / "x.tfrecord"
    file.write_bytes(bytes(160))  # ten records without data have 16 bytes each
    assert tfrecords._whole(tmp_path, FEATURES, [(str(file), 10)]).lengths == (10,)
    with pytest.raises(InvalidInput) as raised:
        tfrecords._whole(tmp_path, FEATURES, [(str(file), 11)])
    assert str(raised.value) == (
        f"Invalid file `{file}`. Expected 11 records, as features.json says. Received: 160 bytes"
    )


@pytest.fixture
def folder(tmp_path):
    """12 examples to train on and 4 to test, of classes 0 and 1, in two files each."""
    parts = {"train": values(12), "test": values(4)}
    source = {split: (x[..., None].astype("uint8"), y % 2) for split, (x, y) in parts.items()}
    kerasdl.data.write_records(source, tmp_path, shards=2, classes=("even", "odd"))
    return tmp_path


def test_replicas_read_whole_files(folder):
    splits = kerasdl.data.load(folder, shard="file", batch_size=4)
    assert splits.info.replicas == (12,) and splits.info.counts["train"] == 12
    assert len(splits.train) == 3
    half = kerasdl.data.load(folder, shard="file", share=Share(1, 1, 2), batch_size=4)
    assert half.info.replicas == (6, 6) and [len(y) for _, y in half.train] == [2, 2, 2]


# ---- descriptions


def test_description_of_written_records(folder):
    described = json.loads((folder / "features.json").read_text())
    names = [f"{split}-0000{i}-of-00002.tfrecord" for split in ("train", "test") for i in (0, 1)]
    assert described == {
        "task": "classification",
        "classes": ["even", "odd"],
        "inputs": {"feature": "inputs", "shape": [2, 3, 1], "dtype": "uint8", "encoding": "raw"},
        "targets": {"feature": "targets", "shape": [], "dtype": "int32", "encoding": "raw"},
        "counts": dict(zip(names, [6, 6, 2, 2], strict=True)),
    }
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "features.json"])


def test_examples_go_to_the_files_in_turn(folder):
    file = str(folder / "train-00001-of-00002.tfrecord")
    features = tfrecords._features(tfrecords._known(folder / "features.json"))
    part = Records(features, (file,), places_of(0, file))
    x, _ = part.parse(part.read(np.arange(6)))
    assert x[:, 0, 0, 0].numpy().tolist() == [1, 3, 5, 7, 9, 11]


def test_nested_examples_are_named_by_their_place():
    image, number = np.zeros((4, 6, 3), "float32"), np.int64(3)
    example = ({"a": image, "b": (number, image)}, number)
    inputs, targets = tfrecords._structure(example, "png")
    assert [part.name for part in tf.nest.flatten((inputs, targets))] == [
        "inputs/a",
        "inputs/b/0",
        "inputs/b/1",
        "targets",
    ]
    assert {part.encoding for part in tf.nest.flatten(inputs)} == {"raw"}
    for encoding, expected in (("raw", ("float32", "raw")), ("png", ("uint8", "image"))):
        inputs, _ = tfrecords._structure((image, number), encoding)
        assert (inputs.dtype, inputs.encoding, inputs.shape) == (*expected, (4, 6, 3))
    vector, _ = tfrecords._structure((np.zeros(3), number), "png")
    assert vector.encoding == "raw"
    _, mask = tfrecords._structure((image, image), "png")
    assert mask.encoding == "raw"


def test_invalid_arguments_of_writing_raise(tmp_path):
    source = {"train": values(2)}
    with pytest.raises(InvalidInput, match=r"`shards`. Expected a positive integer. Received: 0"):
        kerasdl.data.write_records(source, tmp_path, shards=0)
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.write_records(source, tmp_path, encoding="jpeg")
    assert str(raised.value) == (
        "Invalid encoding of records. Expected one of png, raw. Received: jpeg"
    )
    with pytest.raises(InvalidInput) as raised:
        kerasdl.data.write_records({}, tmp_path / "new" / "deep")
    assert str(raised.value) == (
        "Invalid source of records. Expected at least one example. Received: none"
    )
    assert not list(tmp_path.rglob("*.*"))


def test_paths_of_the_files_are_returned_and_four_are_the_default(tmp_path):
    found = kerasdl.data.write_records({"train": values(5)}, tmp_path / "new")
    assert found == [tmp_path / "new" / f"train-0000{i}-of-00004.tfrecord" for i in range(4)]
    assert all(path.is_file() for path in found)


PLAIN = {
    "inputs": {"feature": "x", "shape": [4, 6, 3], "dtype": "uint8"},
    "targets": {"feature": "y", "shape": [], "dtype": "int64", "encoding": "values"},
}


def known(tmp_path, **changes):
    path = tmp_path / "features.json"
    path.write_text(json.dumps({**PLAIN, **changes}), encoding="utf-8")
    return tfrecords._known(path)


def test_facts_that_a_description_may_lack(tmp_path):
    found = known(tmp_path)
    assert found["task"] == "classification" and found["counts"] == {}
    assert [found[fact] for fact in ("classes", "vocabulary", "target_scale")] == [None] * 3
    found = known(tmp_path, classes=["ä", 2], target_scale=[0.5, 2], vocabulary=[])
    assert found["classes"] == ("ä", 2) and found["target_scale"] == (0.5, 2)
    assert found["vocabulary"] is None
    inputs, targets = tfrecords._features(found)
    assert (inputs.name, inputs.shape, inputs.dtype, inputs.encoding) == (
        "x",
        (4, 6, 3),
        "uint8",
        "raw",
    )
    assert (targets.name, targets.shape, targets.encoding) == ("y", (), "values")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": "ab"}, "`classes` in `features.json`. Expected a list of texts or null. "),
        ({"vocabulary": [None]}, "`vocabulary` in `features.json`. Expected a list of texts or nu"),
        ({"classes": ["\ud800"]}, "`classes` in `features.json`. Expected a list of texts or null"),
        (
            {"target_scale": ["1"]},
            "`target_scale` in `features.json`. Expected a list of finite numbers or null. "
            "Received: ['1']",
        ),
        (
            {"counts": {"a": -1}},
            "`counts` in `features.json`. Expected the number of records of each file. "
            "Received: {'a': -1}",
        ),
        ({"counts": [1]}, "`counts` in `features.json`. Expected the number of records of each"),
        ({"task": "clasification"}, "kind of data. Expected one of"),
    ],
)
def test_invalid_facts_are_named(changes, message, tmp_path):
    with pytest.raises(InvalidInput) as raised:
        known(tmp_path, **changes)
    assert str(raised.value).startswith(f"Invalid {message}")


def test_missing_description_is_named(tmp_path):
    with pytest.raises(InvalidInput) as raised:
        tfrecords._known(tmp_path / "features.json")
    assert str(raised.value) == (
        f"Invalid file `{tmp_path / 'features.json'}`. Expected a JSON file beside the records "
        "that says what they hold: see write_records. Received: [Errno 2] No such file or "
        f"directory: '{tmp_path / 'features.json'}'"
    )


NUMBERS = "one of uint8, int8, int16, uint16, int32, int64, float16, float32, float64"
IMAGE = "[height, width, channels] of an image, with 1, 3 or 4 channels"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feature": 3}, "`feature` in `features.json`. Expected a name. Received: 3"),
        (
            {"shape": [2, 0]},
            "`shape` in `features.json`. Expected a list of at most 8 positive integers. "
            "Received: [2, 0]",
        ),
        ({"shape": [1] * 9}, "`shape` in `features.json`. Expected a list of at most 8 positive"),
        ({"shape": None}, "`shape` in `features.json`. Expected a list of at most 8 positive"),
        (
            {"dtype": "string"},
            f"`dtype` in `features.json`. Expected {NUMBERS}. Received: 'string'",
        ),
        (
            {"encoding": "png"},
            "`encoding` in `features.json`. Expected one of raw, values, image. Received: 'png'",
        ),
        (
            {"encoding": "image", "shape": [4, 6, 2]},
            f"`shape` in `features.json`. Expected {IMAGE}. Received: [4, 6, 2]",
        ),
        (
            {"encoding": "image", "shape": [4, 6]},
            f"`shape` in `features.json`. Expected {IMAGE}. Received: [4, 6]",
        ),
    ],
)
def test_invalid_features_are_named(changes, message):
    with pytest.raises(InvalidInput) as raised:
        tfrecords._feature({**PLAIN["inputs"], **changes})
    assert str(raised.value).startswith(f"Invalid {message}")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_features_at_the_limits(channels):
    image = {"feature": "x", "shape": [4, 6, channels], "dtype": "uint8", "encoding": "image"}
    assert tfrecords._feature(image).shape == (4, 6, channels)
    assert tfrecords._feature({**image, "shape": [1] * 8, "encoding": "raw"}).shape == (1,) * 8


@pytest.mark.parametrize(
    ("changes", "received"),
    [
        ({"targets": 3}, "TypeError('3')"),
        ({"targets": {}}, "TypeError('{}')"),
        ({"targets": []}, "TypeError('[]')"),
    ],
)
def test_parts_without_features_are_shown(changes, received):
    with pytest.raises(InvalidInput) as raised:
        tfrecords._features({**PLAIN, **changes})
    assert str(raised.value) == (
        "Invalid `features.json`. Expected inputs and targets, each a feature with its shape, "
        f"dtype and encoding. Received: {received}"
    )
    with pytest.raises(InvalidInput, match=r"KeyError\('targets'\)$"):
        tfrecords._features({"inputs": PLAIN["inputs"]})


def test_nested_features_keep_their_structure():
    x = PLAIN["inputs"]
    inputs, targets = tfrecords._features({"inputs": {"a": x, "b": [x, x]}, "targets": x})
    assert set(inputs) == {"a", "b"} and isinstance(inputs["b"], tuple) and len(inputs["b"]) == 2
    assert targets.name == "x"


def test_examples_hold_at_most_2_to_the_26_numbers():
    large = {**PLAIN["inputs"], "shape": [2**13, 2**13]}
    small = {**PLAIN["targets"]}
    tfrecords._features({"inputs": {**large, "shape": [2**13, 2**13 - 1]}, "targets": small})
    with pytest.raises(InvalidInput) as raised:
        tfrecords._features({"inputs": large, "targets": small})  # and a label
    assert str(raised.value) == (
        "Invalid `features.json`. Expected at most 67,108,864 numbers in an example. "
        "Received: 67,108,865"
    )


# ---- splits


def test_missing_splits_are_cut_from_the_training_split():
    made = Arrays(*values(20))
    found = tfrecords._three("here", {"train": made}, 0, 0.1, 0.2)
    assert list(found) == list(NAMES)
    assert [len(found[split]) for split in NAMES] == [14, 2, 4]
    every = np.concatenate([found[split].targets for split in NAMES])
    assert sorted(every) == [*range(20)]
    own = tfrecords._three("here", {"train": made, "test": made.take(slice(3))}, 0, 0.1, 0.2)
    assert [len(own[split]) for split in NAMES] == [18, 2, 3]
    own = tfrecords._three("here", {"train": made, "validation": made.take(slice(3))}, 0, 0.1, 0.2)
    assert [len(own[split]) for split in NAMES] == [16, 3, 4]


@pytest.mark.parametrize(("parts", "received"), [({}, "none"), ({"test": 1}, "['test']")])
def test_missing_training_split_is_named(parts, received):
    with pytest.raises(InvalidInput) as raised:
        tfrecords._three("here", parts, 0, 0.1, 0.1)
    assert str(raised.value) == (
        "Invalid data `here`. Expected records to train on, in files train-*.tfrecord. "
        f"Received: {received}"
    )


def test_records_are_kept_if_they_fit_into_memory_exactly(folder):
    needed = 16 * (2 * 3 * 1 + 4)  # bytes of images and labels
    for memory, kept in ((needed, True), (needed - 1, False)):
        source = tfrecords.read(folder, 0, validation=0, memory=memory)
        assert isinstance(source.train, Arrays) is kept
        assert source.counts() == {"train": 12, "validation": 0, "test": 4}
        assert source.classes == ("even", "odd")
    with pytest.raises(InvalidInput, match=r"`memory`. Expected a number at least 0"):
        tfrecords.read(folder, 0, memory=-1)


def test_partial_files_and_folders_are_not_read(folder):
    (folder / "partial-train-00000-of-00002.tfrecord").write_bytes(b"left by a kill")
    (folder / "train.tfrecord").mkdir()
    assert tfrecords.read(folder, 0, validation=0).counts()["train"] == 12


def test_too_few_records_are_named(folder):
    for file in folder.glob("*.tfrecord"):
        if not file.name.startswith("train-00000"):
            file.unlink()
    with pytest.raises(InvalidInput) as raised:
        tfrecords.read(folder, 0, validation=0, test=0.1)
    assert str(raised.value) == (
        f"Invalid data `{folder}`. Expected enough records to train and to test. "
        "Received: 6 records"
    )


def test_files_are_described_beside_a_single_file(folder):
    source = tfrecords.read(folder / "train-00000-of-00002.tfrecord", 0, validation=0, test=0.5)
    assert source.counts() == {"train": 3, "validation": 0, "test": 3}
    assert source.skipped is None
