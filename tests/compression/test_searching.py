"""`search` reports files, finds the smallest within `max_drop` and restores the weights."""

import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import compression, export
from kerasdl.compression import searching
from kerasdl.compression.reporting import Report
from kerasdl.errors import InvalidInput

LEARNED = []  # the weights of the trained network, and its optimizer's


@pytest.fixture
def learned(train, compiled):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(16, 3, activation="relu")(inputs)
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(x))
    model = compiled(keras.Model(inputs, keras.layers.Dense(4)(x)), keras.optimizers.Adam(3e-3))
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
    variables = [*model.variables, *model.optimizer.variables]
    if not LEARNED:
        model.fit(train, epochs=10, verbose=0, shuffle=False)
        LEARNED.extend(variable.numpy() for variable in variables)
    for variable, value in zip(variables, LEARNED, strict=True):
        variable.assign(value)
    return model


@pytest.fixture
def data(train):
    return types.SimpleNamespace(train=train, test=train)


def test_the_smallest_file_within_max_drop_is_found(learned, data, images, tmp_path):
    weights, said, notices = learned.get_weights(), [], []
    found = compression.search(
        learned,
        data,
        max_drop=0.1,
        methods=("dynamic", "int8", "prune", "pqat"),
        epochs=2,
        folder=tmp_path,
        progress=said.append,
        notice=notices.append,
        file_options={"labels": ("a", "b", "c", "d")},
    )
    assert (
        said == [r.method for r in found.reports] == ["float", "dynamic", "int8", "prune", "pqat"]
    )
    for one in found.reports:
        file = export.LiteRTModel(one.file)
        assert (file.size, file.zipped_size) == (one.size, one.zipped_size)
        answers = file.predict(images).argmax(-1)
        labels = np.concatenate([y for _, y in data.test])
        assert one.accuracy == np.mean(answers == labels)
        assert file.labels == ("a", "b", "c", "d")
    whole, allowed = found.reports[0], [r for r in found.rows() if r["ok"]]
    assert found.best.accuracy >= whole.accuracy - 0.1
    assert found.best.zipped_size / 1e3 <= min(row["zip_kB"] for row in allowed) + 0.1
    assert [row["method"] for row in found.rows() if row["best"]] == [found.best.method]
    assert found.reports[3].zeros == pytest.approx(0.8, abs=1e-3)
    assert found.reports[0].zeros < 0.01
    assert all(np.array_equal(a, b) for a, b in zip(weights, learned.get_weights(), strict=True))
    assert found.figure().axes[0].get_xlabel() == "zipped size, kB"
    said = (
        r"2 methods train, 2 epochs each: about \d+ s, judging by a few steps and the float file\."
    )
    assert re.fullmatch(said, notices[1])
    assert re.fullmatch(
        r"float: accuracy [\d.]+, [\d.]+ kB zipped \(1.0 times smaller\), \S+ ms, made in \d+ s",
        notices[0],
    )
    assert notices[4].startswith("prune: ") and re.search(r"about \d+ s more$", notices[4])
    assert notices[5].startswith("pqat: ") and notices[5].endswith(" s") and len(notices) == 6


class Epochs(types.SimpleNamespace):
    """Data whose order depends on how often they were read."""

    def __init__(self, train):
        epoch = tf.Variable(-1, dtype=tf.int64)

        def shuffled(*_):
            first = epoch.assign_add(1) % len(train)
            return train.skip(first).concatenate(train.take(first))

        whole = tf.data.Dataset.from_tensors(0).flat_map(shuffled)
        whole = whole.apply(tf.data.experimental.assert_cardinality(len(train)))
        super().__init__(train=whole, test=train, epoch=epoch)


def test_a_killed_search_continues_to_the_same_files(learned, train, tmp_path):
    options = {"methods": ("int8", "prune", "pqat"), "epochs": 1, "max_drop": 1.0, "seed": 3}

    def search(folder, progress, **changed):
        return compression.search(
            learned, Epochs(train), folder=folder, progress=progress, **{**options, **changed}
        )

    def files(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def kill(line):
        if line == "pqat":
            raise KeyboardInterrupt

    whole = search(tmp_path / "whole", lambda line: None)
    killed = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        search(killed, kill)
    assert sorted(files(killed)) == ["float.tflite", "int8.tflite", "prune.tflite", "search.json"]
    begun, made, notices = files(killed)["search.json"], [], []
    search(killed, made.append, epochs=2, methods=("int8",))  # other settings
    assert made == ["float", "int8"] and "search.json" not in files(killed)
    (killed / "search.json").write_bytes(begun)
    (killed / "float.tflite").write_bytes(b"changed")
    made = []
    found = search(killed, made.append, notice=notices.append)
    assert made == ["float", "pqat"]
    assert notices[0].startswith("Continuing a search that was interrupted, after int8, prune.")
    assert notices[2].startswith("1 method trains, 1 epoch each: about")
    assert any(re.match(r"prune: .* ms, made before$", notice) for notice in notices)
    assert files(killed) == files(tmp_path / "whole")
    assert [r.accuracy for r in found.reports] == [r.accuracy for r in whole.reports]


def test_a_damaged_record_of_finished_methods_is_ignored(learned, data, tmp_path):
    options = {"methods": ("float16",), "folder": tmp_path}
    for content in ("", "[]", '{"key": 1}', '{"methods": 3, "key": ""}'):
        (tmp_path / "search.json").write_text(content)
        assert len(compression.search(learned, data, **options).reports) == 2
        assert not (tmp_path / "search.json").exists()


def test_a_dynamic_file_in_float_is_told(data, compiled, tmp_path):
    inputs = keras.Input((8, 8, 1))
    small = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(inputs)))
    notices = []
    options = {"methods": ("dynamic",), "folder": tmp_path, "notice": notices.append}
    compression.search(compiled(small), data, **options)
    assert notices[-1].startswith("dynamic.tflite is in float: dynamic quantizes kernels of at")


def test_a_recurrent_file_that_is_larger_than_float_is_told(data, compiled, tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.GRU(8)(keras.layers.Reshape((8, 8))(inputs))
    model, notices = keras.Model(inputs, keras.layers.Dense(4)(x)), []
    options = {"methods": ("int4",), "folder": tmp_path, "notice": notices.append}
    compression.search(compiled(model), data, **options)
    said = r"int4.tflite is [1-9.]+ times as large as in float, because its loops are unrolled: "
    assert re.match(f"{said}float16 or dynamic files are smaller", notices[-1])


def test_a_folder_that_cannot_be_made_is_one_line(learned, data, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"folder for the files\. Expected one that can be writ"):
        compression.search(learned, data, folder=tmp_path / "file" / "folder")
    monkeypatch.setattr(searching.tempfile, "mkdtemp", lambda: (tmp_path / "file" / "x").mkdir())
    with pytest.raises(InvalidInput, match=r"with room \(TMPDIR"):
        compression.search(learned, data)
    with pytest.raises(InvalidInput, match=r"temporary folder\..*TMPDIR"):
        compression.compress(learned, data.train, method="qat")


def report(method, accuracy, size, latency):
    return Report(
        method=method,
        parameters=1,
        zeros=0.0,
        sparsity={},
        unique={},
        size=size,
        zipped_size=size,
        accuracy=accuracy,
        agreement=1.0,
        largest_error=0.0,
        median_ms=latency,
        file=f"{method}.tflite",
    )


def test_the_best_file_is_the_smallest_or_the_fastest():
    reports = (
        report("float", 0.9, 900, 1.0),
        report("int8", 0.899, 300, 0.52),
        report("dynamic", 0.9, 310, 0.5),
        report("int4", 0.898, 150, 3.0),
        report("pqat", 0.7, 50, 0.1),
    )
    best = searching.best_of(reports, 0.005, "size")
    found = searching.Found(best, reports, 0.005)
    assert best.method == "int4"
    assert found.slower() == (
        "int4 is 6.0 times smaller than float, but takes 3.0 times as long on this processor; "
        "the fastest is int8."
    )
    assert [row["faster"] for row in found.rows()] == [1.0, 1.9, 2.0, 0.3, 10.0]
    assert [row["slower"] for row in found.rows()] == [False, False, False, True, False]
    fast = searching.best_of(reports, 0.005, "latency")  # of equal ones the smaller
    assert fast.method == "int8"
    assert searching.Found(fast, reports, 0.005, "latency").slower() == ""


def test_files_are_chosen_by_validation_data_and_reported_on_test_data(
    learned, data, images, tmp_path
):
    quarters = images.reshape(-1, 2, 4, 2, 4).mean((2, 4)).reshape(-1, 4).argmax(-1)
    flipped = tf.data.Dataset.from_tensor_slices((images, (quarters + 1) % 4)).batch(16)
    splits = types.SimpleNamespace(train=data.train, validation=data.test, test=flipped)
    options = {"methods": ("dynamic",), "folder": tmp_path}
    found = compression.search(learned, splits, max_drop=0.1, **options)
    row = found.rows()[1]
    assert row["accuracy"] > 0.5 > row["test"]
    assert found.figure().axes[0].get_title() == "accuracy on the validation data"
    # 64 validation examples are too few to measure a drop of 0.01
    few = compression.search(learned, splits, max_drop=0.01, **options).rows()[1]
    assert few["accuracy"] == row["test"] and "test" not in few


@pytest.mark.slow
def test_a_lower_sparsity_is_tried_when_the_drop_is_too_large(learned, data, tmp_path):
    options = {"methods": ("prune", "pqat"), "epochs": 1, "sparsity": 0.97, "folder": tmp_path}
    found = compression.search(learned, data, max_drop=0.02, **options)
    assert [report.method for report in found.reports] == ["float", "prune", "pqat", "pqat-0.94"]
    assert [round(report.zeros, 2) for report in found.reports] == [0, 0.97, 0.97, 0.94]
    assert {path.stem for path in tmp_path.iterdir()} == {r.method for r in found.reports}


def test_fewer_bits_and_more_zeros_lower_the_accuracy_more(learned, images, train):
    labels = np.concatenate([y for _, y in train])
    before = learned.get_weights()
    by_bits = compression.sensitivity(learned, images, labels, bits=3)
    fine = compression.sensitivity(learned, images, labels, bits=8)
    assert list(by_bits) == list(compression.sparsity(learned))
    assert max(by_bits.values()) > 10 * max(fine.values()) > 0
    by_zeros = compression.sensitivity(learned, images, labels, sparsity=0.9)
    mild = compression.sensitivity(learned, images, labels, sparsity=0.1)
    assert sum(by_zeros.values()) > sum(mild.values())
    assert all(np.array_equal(a, b) for a, b in zip(before, learned.get_weights(), strict=True))


def test_invalid_input_is_refused(learned, data):
    with pytest.raises(InvalidInput, match="pqat"):
        compression.search(learned, data, methods=("pqta",))
    with pytest.raises(
        InvalidInput, match=r"of cluster, cqat, dynamic, float, float16, int4, int8"
    ):
        compression.search(learned, data, methods=("int3",))
    with pytest.raises(InvalidInput, match=r"`prefer`\. Expected one of latency, size"):
        compression.search(learned, data, prefer="speed")
    with pytest.raises(InvalidInput, match=r"`sparsity`.*Received: 1\.5"):
        compression.search(learned, data, sparsity=1.5)
    with pytest.raises(InvalidInput, match=r"`max_drop`.*Received: -1"):
        compression.search(learned, data, max_drop=-1)
    with pytest.raises(InvalidInput, match="at least one batch"):
        compression.search(learned, types.SimpleNamespace(train=data.train, test=[]))
    with pytest.raises(InvalidInput, match="`bits` or `sparsity`"):
        compression.sensitivity(learned, None, None)
    with pytest.raises(InvalidInput, match="qat or pqat"):
        compression.compress(learned, data.train, method="pcqat", engine="keras")
