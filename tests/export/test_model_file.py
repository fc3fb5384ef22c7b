"""Model files run any number of examples in their batches; inputs are matched and checked."""

import zlib

import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.export import files, model_file
from kerasdl.export.metadata import Metadata


class Made(model_file.ModelFile):
    """A fake file that multiplies its input by ten and adds a second input if there is one."""

    suffix = ".made"
    metadata = Metadata(description="times ten", labels=("a", "b"))

    def __init__(self, path, batch=-1, names=("x",), outputs=("y",)):
        super().__init__(path, threads=3)
        self.batch, self.names, self.returned, self.sizes = batch, names, outputs, []

    @property
    def inputs(self):
        return {name: ((self.batch, 2), np.dtype("float32")) for name in self.names}

    @property
    def outputs(self):
        return {name: ((self.batch, 2), np.dtype("float32")) for name in self.returned}

    def call(self, **arrays):
        self.sizes.append({len(array) for array in arrays.values()})
        found = 10 * arrays["x"] + arrays.get("z", 0)
        return {name: found + number for number, name in enumerate(self.returned)}

    def runner(self):
        return lambda: None


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "some.made"
    file.write_bytes(b"0" * 5000)
    return file


def examples(count):
    return np.arange(2.0 * count).reshape(count, 2)


@pytest.mark.parametrize(
    ("batch", "count", "sizes"),
    [
        (1, 3, [1, 1, 1]),
        (4, 4, [4]),
        (4, 6, [4, 4]),
        (8, 3, [8]),
        (-1, 3, [3]),
        (-1, 64, [64]),
        (-1, 130, [64, 64, 2]),
    ],
)
def test_examples_run_in_batches_of_the_file(path, batch, count, sizes):
    file = Made(path, batch)
    np.testing.assert_array_equal(file.predict(examples(count)), 10 * examples(count))
    assert file.sizes == [{size} for size in sizes]


def test_inputs_by_name_or_order_and_outputs_by_name(path):
    file = Made(path, names=("x", "z"), outputs=("y", "more"))
    x, z = examples(3), np.ones((3, 2), "float32")
    for given in ((x, z), [x, z], {"z": z, "x": x}):
        found = file.predict(given)
        assert list(found) == ["y", "more"]
        np.testing.assert_array_equal(found["y"], 10 * x + 1)
        np.testing.assert_array_equal(found["more"], 10 * x + 2)


def test_integers_are_cast_to_the_type_of_the_file(path):
    found = Made(path).predict([[1, 2], [3, 4]] @ np.eye(2, dtype="int64"))
    assert found.dtype == "float32" and found.tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize(
    ("x", "received"),
    [
        (np.zeros((3, 5)), r"\(3, 5\) of float64"),
        (np.zeros((3, 2, 1)), r"\(3, 2, 1\) of float64"),
        (np.zeros((0, 2)), r"\(0, 2\) of float64"),
        (np.zeros((3, 2), "complex64"), r"\(3, 2\) of complex64"),
        ({"other": np.zeros((3, 2))}, "none"),
    ],
)
def test_invalid_inputs_raise(path, x, received):
    message = rf"^Invalid input `x`. Expected \(batch, 2\) of float32. Received: {received}$"
    with pytest.raises(InvalidInput, match=message):
        Made(path).predict(x)


def test_missing_second_input_raises(path):
    with pytest.raises(InvalidInput, match=r"Expected 2 arrays: x, z. Received: 1$"):
        Made(path, names=("x", "z")).predict(examples(2))


def test_sizes_labels_and_description(path):
    file = Made(path)
    assert (file.size, file.threads, file.path) == (5000, 3, path)
    assert file.zipped_size < 60
    assert file.labels == ("a", "b") and file.description == "times ten"
    assert repr(file) == f"Made('{path}', 5,000 bytes)"


def test_missing_file_raises(tmp_path):
    with pytest.raises(InvalidInput, match=r"file. Expected a .made file that exists.*none.made"):
        Made(tmp_path / "none.made")
    with pytest.raises(InvalidInput, match="that exists"):
        Made(tmp_path)  # a folder


def test_random_inputs_are_fractions_or_the_first_token():
    floats = model_file.random_input((-1, 3), np.dtype("float32"))
    assert floats.shape == (1, 3) and floats.dtype == "float32"
    assert (floats > 0).all() and (floats < 1).all() and len(np.unique(floats)) == 3
    tokens = model_file.random_input((2, -1), np.dtype("int32"))
    assert tokens.dtype == "int32" and tokens.tolist() == [[0], [0]]


def test_model_files_are_found_in_subfolders(tmp_path):
    (tmp_path / "more").mkdir()
    names = ["b.tflite", "a.onnx", "more/c.tflite", "model.keras", "tflite"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in files.files_in(tmp_path)]
    assert found == ["a.onnx", "b.tflite", "more/c.tflite"]


@pytest.mark.parametrize(("name", "expected"), [("m.onnx", "ONNX"), ("m.tflite", "LiteRT")])
def test_files_are_opened_by_suffix(tmp_path, name, expected):
    (tmp_path / name).write_bytes(b"nothing that could be run")
    with pytest.raises(InvalidInput, match=expected):
        files.open_file(tmp_path / name).predict(np.zeros((1, 1)))


def test_zipped_size_is_that_of_the_best_compression(tmp_path):
    path = tmp_path / "some.made"
    words = np.random.default_rng(0).choice([b"some", b"thing", b"else"], 4000)
    path.write_bytes(b"".join(words))
    sizes = {level: len(zlib.compress(path.read_bytes(), level)) for level in (1, 6, 8, 9)}
    assert Made(path).zipped_size == sizes[9] < sizes[1]


@pytest.mark.parametrize("threads", [0, 1025, 1.5, True, None])
def test_threads_are_an_integer_up_to_1024(path, threads):
    assert model_file.ModelFile.__init__(Made(path), path, 1024) is None
    with pytest.raises(InvalidInput, match=r"`threads`. Expected a positive integer"):
        model_file.ModelFile.__init__(Made(path), path, threads)


def test_default_is_one_thread_and_an_unknown_suffix_means_litert(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"....TFL3")
    file = files.open_file(path)
    assert type(file) is files.LiteRTModel and file.threads == 1
    assert files.open_file(path, 2).threads == 2
    for invalid in (3, None, ""):
        with pytest.raises(InvalidInput, match=r"`path`. Expected a path"):
            files.open_file(invalid)


@pytest.mark.parametrize("given", [3, b"x", ""])
def test_path_of_a_file_is_checked(given):
    with pytest.raises(InvalidInput, match=r"`path`. Expected a path"):
        Made(given)


def test_missing_file_is_named_with_its_suffix(tmp_path):
    with pytest.raises(InvalidInput) as raised:
        Made(tmp_path / "none.made")
    assert str(raised.value) == (
        f"Invalid file. Expected a .made file that exists. Received: {tmp_path / 'none.made'}"
    )


def test_free_sizes_accept_any_number_and_fixed_ones_only_their_own(path):
    class Free(Made):
        @property
        def inputs(self):
            return {"x": ((-1, -1, 2), np.dtype("float32"))}

    for steps in (1, 5):
        found = Free(path).predict(np.ones((3, steps, 2)))
        assert found.shape == (3, steps, 2)
    with pytest.raises(InvalidInput, match=r"Expected \(batch, -1, 2\) of float32. Received: "):
        Free(path).predict(np.ones((3, 5, 3)))


def test_random_numbers_are_the_same_each_time():
    first, second = (model_file.random_input((1, 4), np.dtype("float32")) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model_file.random_input((1,), np.dtype("float16")).dtype == "float16"
    assert model_file.random_input((1,), np.dtype("bool")).tolist() == [False]
