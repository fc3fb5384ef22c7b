"""The index of a TFRecord file, its checksums, and what is said about damage."""

import os

import numpy as np
import pytest
import tensorflow as tf

from kerasdl.data import bad_examples, tfrecord_format
from kerasdl.errors import InvalidInput

DATA = (b"", b"abc", b"abcd", bytes(range(64)), b"x" * 65, b"y" * 1000)
STARTS = np.cumsum([0, *(len(data) + 16 for data in DATA)]).tolist()


def masked(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


# RFC 3720, appendix B.4, and the check value of CRC-32C
KNOWN = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (b"123456789", 0xE3069283),
]


@pytest.mark.parametrize(("data", "crc"), KNOWN)
def test_checksums_have_the_published_values(data, crc):
    assert tfrecord_format.checksums([data]).tolist() == [masked(crc)]
    rows = np.frombuffer(data, "uint8")[None]
    assert tfrecord_format.checksums_of_rows(rows).tolist() == [masked(crc)]


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 63, 64, 65, 127, 128, 129, 192, 200, 1000])
def test_checksum_of_a_record_does_not_depend_on_its_length_or_neighbors(length):
    random = np.random.default_rng(length)
    records = [random.bytes(length) for _ in range(3)]
    expected = [
        int(tfrecord_format.checksums_of_rows(np.frombuffer(record, "uint8")[None])[0])
        for record in records
    ]
    assert tfrecord_format.checksums(records).tolist() == expected
    mixed = tfrecord_format.checksums([b"12", *records, bytes(700)]).tolist()
    assert mixed[1:4] == expected


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for data in DATA:
            writer.write(data)
    return path


def test_records_are_found_and_read(file):
    starts, lengths, fault = tfrecord_format.index(file)
    assert starts.tolist() == STARTS[:-1] and lengths.tolist() == list(map(len, DATA))
    assert fault is None and os.path.getsize(file) == STARTS[-1]
    reader = tfrecord_format.Reader(file)
    records = [reader.read(s, n) for s, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
    assert [record[:-4] for record in records] == list(DATA)
    assert tfrecord_format.are_whole(records).tolist() == [True] * 6
    records[2] = b"z" + records[2][1:]
    assert tfrecord_format.are_whole(records).tolist() == [True, True, False, True, True, True]


def test_damaged_data_hides_no_record_but_a_damaged_length_hides_all_after_it(file):
    content = bytearray(file.read_bytes())
    content[STARTS[3] + 12] ^= 1  # data
    file.write_bytes(content)
    assert tfrecord_format.index(file)[0].tolist() == STARTS[:-1]
    content[STARTS[4] + 8] ^= 1  # checksum of a length
    file.write_bytes(content)
    starts, lengths, fault = tfrecord_format.index(file)
    assert starts.tolist() == STARTS[:4] and lengths.tolist() == list(map(len, DATA[:4]))
    assert fault == "a length with a wrong checksum"


@pytest.mark.parametrize(
    ("size", "records", "fault"),
    [
        (0, 0, "an empty file"),
        (11, 0, "the file's end after 11 of 12 bytes"),
        (15, 0, "the file's end after 15 of 16 bytes"),
        (16, 1, None),
        (STARTS[2] - 1, 1, "the file's end after 18 of 19 bytes"),
        (STARTS[2] + 5, 2, "the file's end after 5 of 12 bytes"),
        (STARTS[2] + 12, 2, "the file's end after 12 of 20 bytes"),
        (STARTS[6] - 1, 5, "the file's end after 1,015 of 1,016 bytes"),
    ],
)
def test_end_of_a_cut_file_is_described(size, records, fault, file):
    file.write_bytes(file.read_bytes()[:size])
    starts, lengths, found = tfrecord_format.index(file)
    assert starts.tolist() == STARTS[:records] and lengths.tolist() == list(
        map(len, DATA[:records])
    )
    assert found == fault


def test_missing_file_is_described(tmp_path):
    starts, lengths, fault = tfrecord_format.index(tmp_path / "none")
    assert len(starts) == len(lengths) == 0 and fault == "no such file"


@pytest.mark.parametrize(
    ("cut", "count", "reasons", "message"),
    [
        (None, None, {}, None),
        (None, 6, {}, None),
        (None, 9, {"damaged record": 1, "lost record": 2}, (STARTS[6], "")),
        (40, None, {"damaged record": 1}, (35, " after 5 of 12 bytes")),
        (40, 3, {"damaged record": 1}, (35, " after 5 of 12 bytes")),
        (40, 6, {"damaged record": 1, "lost record": 3}, (35, " after 5 of 12 bytes")),
        (5, 2, {"damaged record": 1, "lost record": 1}, (0, " after 5 of 12 bytes")),
    ],
)
def test_missing_records_are_noted(cut, count, reasons, message, file):
    if cut:
        file.write_bytes(file.read_bytes()[:cut])
    inspection = bad_examples.Inspection(skip=False)
    starts, _ = tfrecord_format.inspected_index(file, count, inspection)
    assert inspection.count == sum(reasons.values()) and dict(inspection._reasons) == reasons
    if message:
        byte, end = message
        parts = f"record {len(starts)} of `.*` at byte {byte}. ", f"Received: the file's end{end} "
        with pytest.raises(InvalidInput, match="Expected a whole TFRecord. ".join(parts)):
            inspection.check()
        assert inspection._first[0][0] == f"{file} record {len(starts)}"


def test_reader_closes_its_file(tmp_path):
    file = tmp_path / "records.tfrecord"
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(b"some data")
    before = os.listdir("/proc/self/fd")
    reader = tfrecord_format.Reader(file)
    assert reader.read(0, 9)[:9] == b"some data"
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    del reader
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(FileNotFoundError):
        tfrecord_format.Reader(tmp_path / "absent.tfrecord")
