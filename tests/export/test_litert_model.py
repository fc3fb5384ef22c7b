"""Opening, running and measuring LiteRT files, without TensorFlow; invalid inputs and files."""

import contextlib
import json
import resource
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import ai_edge_litert.interpreter
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from kerasdl import export
from kerasdl.errors import InvalidInput
from kerasdl.export import flatbuffer
from kerasdl.export.demo import describe


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    path = tmp_path_factory.mktemp("litert") / "model.tflite"
    return export.to_litert(model, path, labels=("x", "y", "z"))


def test_opening_running_and_measuring_imports_no_tensorflow(file):
    program = f"""
import sys
from kerasdl import export
model = export.LiteRTModel({str(file.path)!r})
assert model.predict([[[1.0, 2, 3, 4]]]).shape == (1, 3)
assert model.labels == ("x", "y", "z") and model.operators
assert export.benchmark(model, seconds=0.01).median > 0
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_sizes_and_operators(file):
    assert file.size == len(file.path.read_bytes())
    assert 0 < file.zipped_size < file.size
    assert file.operators == {"FULLY_CONNECTED": 1}
    assert "bytes" in repr(file)


@pytest.mark.rows("CMP-16")
def test_latency_is_ordered_and_counts_runs(file):
    latency = export.benchmark(file.path, seconds=0.01)
    assert 0 < latency.median <= latency.p95
    assert latency.init > 0
    assert latency.runs >= 20
    with pytest.raises(InvalidInput, match=r"positive integer\. Received: 0"):
        export.benchmark(file.path, threads=0)


def test_litert_benchmark_measures_a_file(file, tmp_path):
    latency = export.litert_benchmark(file.path, runs=20)
    assert (latency.threads, latency.runs) == (1, 20)
    assert latency.init > 0
    assert 0 <= latency.median <= latency.p95
    (tmp_path / "no.tflite").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match="litert-benchmark") as raised:
        export.litert_benchmark(tmp_path / "no.tflite")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 5)), r"Invalid input `input`. Expected \(batch, 4\) of float32"),
        (np.zeros(4), r"Received: \(4,\) of float64"),
        (np.zeros((0, 4)), r"Received: \(0, 4\)"),
        ({"other": np.zeros((1, 4))}, "Received: none"),
        (np.array([["a"] * 4]), "<U1"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(file, x, message):
    with pytest.raises(InvalidInput, match=message):
        file.predict(x)


def test_missing_and_damaged_files_are_refused(tmp_path, file):
    with pytest.raises(InvalidInput, match="that exists"):
        export.LiteRTModel(tmp_path / "none.tflite")
    text = tmp_path / "text.tflite"
    text.write_text("not a model")
    with pytest.raises(InvalidInput, match="a LiteRT model"):
        export.LiteRTModel(text)
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(file.path.read_bytes()[:400])
    with pytest.raises(InvalidInput, match="that runs"):
        export.LiteRTModel(cut).predict(np.zeros((1, 4)))


def test_a_file_without_metadata_has_empty_metadata(tmp_path, file):
    content = file.path.read_bytes()
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(content[: content.index(b"PK\x03\x04")])
    model = export.LiteRTModel(bare)
    assert model.labels == ()
    assert model.description == ""
    assert model.predict(np.zeros((2, 4))).shape == (2, 3)


@pytest.fixture
def with_archive(tmp_path, file):
    """A function that replaces the file's metadata archive."""
    content = file.path.read_bytes()

    def make(**texts):
        path = tmp_path / "other.tflite"
        path.write_bytes(content[: content.index(b"PK\x03\x04")])
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name.replace("_", "."), text)
        return path

    return make


def test_metadata_that_unpacks_to_50_megabytes_is_refused(with_archive):
    path = with_archive(model_json="{}", labels_txt=b"0" * 50_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidInput, match=r"labels\.txt\. Received: 50,000,000 bytes"):
        export.LiteRTModel(path).labels  # noqa: B018


def test_metadata_of_other_programs_is_ignored(with_archive):
    model = export.LiteRTModel(with_archive(model_json="[", labels_txt=b"a\n\xff"))
    assert model.labels == ("a", "\N{REPLACEMENT CHARACTER}") and model.description == ""
    text = json.dumps({"description": "known", "author": "unknown"})
    model = export.LiteRTModel(with_archive(model_json=text))
    assert model.description == "known" and model.labels == ()


def test_damaged_metadata_is_refused_in_one_line(with_archive):
    path = with_archive(model_json=json.dumps({"description": "a" * 999}))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x03\x04") + 45] ^= 255  # in the compressed text
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="an intact zip archive") as raised:
        export.LiteRTModel(path).description  # noqa: B018
    assert "\n" not in str(raised.value)


def test_metadata_of_wrong_types_is_ignored(with_archive):
    odd = [None, True, 3, -1e999, [], [1], ["a", "b"], {}, "0,1", [0, float("nan")]]
    for value in odd:
        known = dict.fromkeys(("description", "input_range", "activation", "quantize"), value)
        found = export.LiteRTModel(with_archive(model_json=json.dumps(known))).metadata
        words = (found.description, found.activation, found.quantize)
        assert words == (("0,1",) * 3 if value == "0,1" else ("", None, None))
        assert found.input_range is None
    found = export.LiteRTModel(with_archive(model_json='{"input_range": [0, 1]}')).metadata
    assert found.input_range == (0, 1)
    assert export.LiteRTModel(with_archive(model_json="[" * 100_000)).description == ""


def test_metadata_is_unpacked_only_to_its_stated_size(with_archive):
    path = with_archive(model_json="{}", labels_txt=b"0" * 400_000_000)
    size, lie = (struct.pack("<I", n) for n in (400_000_000, 1000))
    path.write_bytes(path.read_bytes().replace(size, lie))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput, match="an intact zip archive"):  # the checksum differs
        export.LiteRTModel(path).labels  # noqa: B018
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="an intact zip archive"):
        export.LiteRTModel(path).labels  # noqa: B018
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_encrypted_or_unknown_compression_of_metadata_raises_one_line(with_archive):
    path = with_archive(model_json="{}")
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    encrypted, compression = 8, 10
    cases = [(encrypted, 1, "an intact zip archive")]
    cases += [(compression, method, "stored or deflated") for method in (12, 14, 99)]
    for place, value, expected in cases:
        other = bytearray(content)
        other[start + place] = value
        path.write_bytes(other)
        with pytest.raises(InvalidInput, match=expected) as raised:
            export.LiteRTModel(path).description  # noqa: B018
        assert "\n" not in str(raised.value)


def test_truncated_files_raise_only_invalid_input(file, tmp_path):
    content, path = file.path.read_bytes(), tmp_path / "cut.tflite"
    for size in np.linspace(0, len(content) - 1, 110).astype(int).tolist():
        path.write_bytes(content[:size])
        for use in (
            lambda model: model.operators,
            lambda model: model.labels,
            lambda model: model.predict(np.zeros((1, 4))),
            lambda model: export.benchmark(model, seconds=0),
            lambda model: describe(model.path),
        ):
            with contextlib.suppress(InvalidInput):
                use(export.LiteRTModel(path))


def test_more_operators_than_bytes_raise(file, tmp_path, monkeypatch):
    monkeypatch.setattr(schema.SubGraph, "OperatorsLength", lambda graph: 2**31)
    with pytest.raises(InvalidInput, match="an intact LiteRT model"):
        export.LiteRTModel(file.path).operators  # noqa: B018


def test_signatures_of_tensors_that_do_not_exist_are_one_line(file, tmp_path):
    model = flatbuffer.read(file.path.read_bytes())
    model.signatureDefs[0].inputs[0].tensorIndex = 10**6
    path = tmp_path / "x.tflite"
    path.write_bytes(flatbuffer.write(model))
    for use in (lambda: describe(path), lambda: export.LiteRTModel(path).predict(np.ones((1, 4)))):
        with pytest.raises(InvalidInput, match="a LiteRT model that runs") as raised:
            use()
        assert "\n" not in str(raised.value)


def test_messages_name_the_file_and_show_the_first_line_of_the_error(file, tmp_path, monkeypatch):
    model = export.LiteRTModel(file.path)
    for error, line in (
        (ValueError("\n no room \nmore"), "no room "),
        (RuntimeError(""), "RuntimeError('')"),
    ):
        assert str(model._invalid(error)) == (
            f"Invalid file {file.path}. Expected a LiteRT model that runs. Received: {line}"
        )

    def fail(content):
        raise KeyError("odd")

    monkeypatch.setattr(flatbuffer, "operators", fail)
    with pytest.raises(InvalidInput) as raised:
        model.operators  # noqa: B018
    assert str(raised.value) == (
        f"Invalid file {file.path}. Expected an intact LiteRT model. Received: KeyError('odd')"
    )
    text = tmp_path / "text.tflite"
    text.write_bytes(b"TFL3 at another place")
    with pytest.raises(InvalidInput) as raised:
        export.LiteRTModel(text)
    assert str(raised.value) == f"Invalid file. Expected a LiteRT model. Received: {text}"


def test_file_without_a_signature_raises(file, tmp_path):
    model = flatbuffer.read(file.path.read_bytes())
    model.signatureDefs = []
    path = tmp_path / "none.tflite"
    path.write_bytes(flatbuffer.write(model))
    with pytest.raises(InvalidInput) as raised:
        export.LiteRTModel(path).predict(np.ones((1, 4)))
    assert str(raised.value) == f"Invalid file {path}. Expected a signature. Received: none"


def test_interpreter_gets_the_path_and_the_threads(file, monkeypatch):
    made = []

    class Interpreter:
        def __init__(self, path, num_threads):
            made.append((path, num_threads))

        def allocate_tensors(self):
            made.append("allocated")

    monkeypatch.setattr(ai_edge_litert.interpreter, "Interpreter", Interpreter)
    model = export.LiteRTModel(file.path, threads=3)
    assert model.interpreter is model.interpreter
    assert made == [(str(file.path), 3), "allocated"]
    export.LiteRTModel(file.path).interpreter  # noqa: B018
    assert made[2] == (str(file.path), 1)


def test_runner_runs_the_file_on_random_inputs(file):
    model = export.LiteRTModel(file.path)
    model.runner()()
    (output,) = model.interpreter.get_output_details()
    x = np.random.default_rng(0).random((1, 4)).astype("float32")
    np.testing.assert_allclose(model.interpreter.get_tensor(output["index"]), file.predict(x))


def test_inputs_and_outputs_have_names_shapes_and_types(file):
    assert file.inputs == {"input": ((1, 4), np.dtype("float32"))}
    assert file.outputs == {"output": ((1, 3), np.dtype("float32"))}
    ((shape, kind),) = file.inputs.values()
    assert type(shape[0]) is int and isinstance(kind, np.dtype)
