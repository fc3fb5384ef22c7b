"""Metadata is read from files as it was written; missing or invalid metadata is ignored."""

import json
import zipfile

import pytest

from kerasdl.errors import InvalidInput
from kerasdl.export import metadata
from kerasdl.export.metadata import Metadata

FACTS = Metadata("Digits", ("zero", "ünf"), (0.0, 1.5), "softmax", "int8")


def test_appended_metadata_is_read_from_a_file(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"the flatbuffer")
    assert metadata.read(path) == Metadata() == Metadata("", (), None, None, None)
    metadata.append(path, FACTS)
    assert metadata.read(path) == FACTS
    assert path.read_bytes().startswith(b"the flatbuffer")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["labels.txt", "model.json"]
        assert archive.read("labels.txt").decode() == "zero\nünf"
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("facts", [FACTS, Metadata(), Metadata(labels=("one",))])
def test_texts_contain_all_metadata(facts):
    assert metadata.from_texts(metadata.to_texts(facts)) == facts


@pytest.mark.parametrize(
    "texts", [{}, {"model.json": "no json"}, {"model.json": "[1]"}, {"model.json": '{"other": 1}'}]
)
def test_missing_or_unknown_metadata_gives_defaults(texts):
    assert metadata.from_texts(texts) == Metadata()


def test_line_breaks_in_a_label_do_not_shift_other_labels():
    texts = metadata.to_texts(Metadata(labels=("a\nb", "c\u2028d\r\ne", "f")))
    assert metadata.from_texts(texts).labels == ("a b", "c d e", "f")


def test_labels_are_read_only_from_their_own_text():
    texts = {"model.json": json.dumps({"labels": ["x"], "quantize": "int8"}), "labels.txt": "a\nb"}
    assert metadata.from_texts(texts) == Metadata(labels=("a", "b"), quantize="int8")


def test_entry_above_one_mebibyte_raises(tmp_path):
    for size in (2**20, 2**20 + 1):
        with zipfile.ZipFile(tmp_path / f"{size}", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("labels.txt", "a" * size)
            archive.writestr("other.bin", "a" * 5_000_000)  # not read
    assert metadata.read(tmp_path / f"{2**20}").labels == ("a" * 2**20,)
    message = r"metadata of .*Expected at most 1,048,576 bytes in labels.txt.*1,048,577 bytes"
    with pytest.raises(InvalidInput, match=message):
        metadata.read(tmp_path / f"{2**20 + 1}")


def test_damaged_entry_is_named_with_the_reason(tmp_path):
    path = tmp_path / "model.tflite"
    metadata.append(path, FACTS)
    path.write_bytes(path.read_bytes().replace(b"zero", b"none"))
    with pytest.raises(InvalidInput) as raised:
        metadata.read(path)
    assert str(raised.value) == (
        f"Invalid metadata of {path}. Expected an intact zip archive. "
        "Received: Bad CRC-32 for file 'labels.txt'"
    )


def test_entry_of_unknown_compression_is_named(tmp_path):
    path = tmp_path / "model.tflite"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("labels.txt", "a\nb")
    with pytest.raises(InvalidInput) as raised:
        metadata.read(path)
    assert str(raised.value) == (
        f"Invalid metadata of {path}. Expected entries that are stored or deflated. "
        "Received: labels.txt, which is not"
    )


@pytest.mark.parametrize(
    ("limits", "found"),
    [("[0, 1]", (0, 1)), ("[0]", None), ("[0, 1, 2]", None), ('{"0": 1, "1": 2}', None)],
)
def test_input_range_is_a_list_of_two_numbers(limits, found):
    texts = {"model.json": f'{{"input_range": {limits}}}'}
    assert metadata.from_texts(texts) == Metadata(input_range=found)
