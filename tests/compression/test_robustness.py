"""Failures raise one-line errors, restore the weights and leave no partial file."""

import errno
import os
import shutil
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl import cli, compression, recipes
from kerasdl.compression import fake_quant
from kerasdl.errors import InvalidInput
from kerasdl.export.worker import WORKER
from kerasdl.runs import compress
from tests.compression import networks

QUICKEST = ("--method", "float16", "--epochs", "1")
QUICK = {"method": "qat", "engine": "keras", "epochs": 1}


@pytest.fixture
def learned():
    return networks.trained("sequential")


@pytest.fixture
def refuses(tmp_path):
    """A function that checks for a one-line error, unchanged weights and no file."""

    def refuses(model, train, match, **options):
        before = model.get_weights()
        options = {**QUICK, "path": tmp_path / "model.tflite", **options}
        with pytest.raises(InvalidInput, match=match) as caught:
            compression.compress(model, train, **options)
        assert "\n" not in str(caught.value)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        assert not list(tmp_path.iterdir())

    return refuses


def test_a_full_disk(learned, refuses, monkeypatch):
    model, train, _ = learned

    def full(source, target):
        with open(target, "wb") as file:
            file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    refuses(model, train, r"place to write.*a writable folder with room.*No space left on device")


def test_a_folder_without_write_permission(learned, refuses, monkeypatch):
    model, train, _ = learned

    def denied(source, target):  # root can write to read-only folders
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))

    monkeypatch.setattr(shutil, "copyfile", denied)
    refuses(model, train, r"place to write.*a writable folder with room.*Permission denied")


def test_a_folder_that_does_not_exist(learned, refuses, tmp_path):
    model, train, _ = learned
    refuses(model, train, r"`path`.*a folder that exists", path=tmp_path / "no" / "model.tflite")


def test_a_converter_that_crashes(learned, refuses, tmp_path, monkeypatch):
    model, train, _ = learned
    monkeypatch.setattr(WORKER, "lock", Killing())
    refuses(model, train, r"does not crash the converter.*: SIGKILL")
    monkeypatch.undo()
    path = tmp_path / "model.tflite"  # the next call starts a new converter
    assert compression.compress(model, train, **QUICK, path=path).litert.path == path


class Killing:
    """A lock for the converter that kills its process."""

    def __enter__(self):
        WORKER.start()
        WORKER.process.kill()
        WORKER.process.wait()
        WORKER.start = lambda: None

    def __exit__(self, *_):
        del WORKER.start


@keras.saving.register_keras_serializable(package="test")
class Spectrum(layers.Layer):
    """A layer without a built-in operator in LiteRT."""

    def call(self, inputs):
        return inputs + keras.ops.real(keras.ops.fft((inputs, keras.ops.zeros_like(inputs)))[0])


def test_a_layer_without_a_litert_operator(refuses):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(3)(Spectrum()(inputs)))
    model.compile("adam", "mse")
    data = np.ones((8, 8), "float32"), np.ones((8, 3), "float32")
    train = networks.tf.data.Dataset.from_tensor_slices(data).batch(4)
    refuses(model, train, r"operators that are built into LiteRT.*FFT")


def test_models_that_are_not_built(learned, refuses):
    _, train, _ = learned
    model = keras.Sequential([layers.Dense(3)])
    model.compile("adam", "mse")
    refuses(model, train, "Expected a built model")


@pytest.mark.parametrize("engine", ["keras", "tfmot"])
def test_no_data(learned, refuses, engine):
    model, train, _ = learned
    refuses(model, train.take(0), "`train`.*at least one batch.*none", engine=engine)
    nothing = train.take(0)
    refuses(model, train, "at least one batch", validation_data=nothing, engine=engine)


def test_no_data_to_calibrate_or_search_with(learned, tmp_path):
    model, train, _ = learned
    with pytest.raises(InvalidInput, match=r"data to calibrate with.*at least one batch"):
        fake_quant.calibrate(fake_quant.quantize_aware(model), train.take(0))
    empty = types.SimpleNamespace(train=train.take(0), test=train)
    with pytest.raises(InvalidInput, match=r"`calibration`.*1 or more examples"):
        compression.search(model, empty, methods=("int8",), folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"float.tflite", "search.json"}


def test_the_command_prints_one_line_on_a_full_disk(tmp_path, monkeypatch, capsys):
    recipes.get("mlp").run(tmp_path / "run", fast=True, progress=False, pictures=False)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(compress, "write_json", full)
    monkeypatch.setattr(sys, "argv", ["kerasdl", "compress", str(tmp_path / "run"), *QUICKEST])
    with pytest.raises(SystemExit) as end:
        cli.main()
    errors = capsys.readouterr().err.splitlines()
    (line,) = [line for line in errors if line.startswith("kerasdl: ")]
    assert end.value.code == 2
    assert line == errors[-1] and "No space left on device" in line


SCRIPT = '''
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasdl import compression, export

FOLDER = pathlib.Path(sys.argv[1])
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@keras.saving.register_keras_serializable(package="mine")
class Scale(layers.Layer):
    """A custom layer with a weight of its own."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=input_shape[-1:], initializer="ones")

    def call(self, inputs):
        return inputs * self.factor


@keras.saving.register_keras_serializable(package="mine")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.scale, self.last = layers.Dense(16, "relu"), Scale(), layers.Dense(3)

    def call(self, inputs):
        return self.last(self.scale(self.first(inputs)))


def functional():
    inputs = keras.Input((8,))
    return keras.Model(inputs, layers.Dense(3)(Scale()(layers.Dense(16, "relu")(inputs))))


def sequential():
    parts = [layers.Dense(16, "relu"), Scale(), layers.Dense(3)]
    return keras.Sequential([keras.Input((8,)), *parts])


def nested():
    inputs = keras.Input((8,))
    return keras.Model(inputs, functional()(layers.Dense(8, "relu")(inputs)))


x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
y = x[:, :3].argmax(-1)
train = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
for make in (sequential, nested, Subclassed):
    keras.utils.set_random_seed(0)
    model = make()
    model(x[:1])
    model.compile(keras.optimizers.Adam(0.02), LOSS)
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
    model.fit(train, epochs=8, verbose=0, shuffle=False)
    flat = compression.flatten(model)
    np.testing.assert_allclose(flat(x), model(x), atol=1e-5)
    path = FOLDER / f"{make.__name__}.keras"
    model.save(path)
    model = keras.saving.load_model(path)
    small = export.to_litert(model, FOLDER / "a.tflite", quantize="int8", calibration=train)
    assert export.verify(model, small, x).agreement > 0.93
    options = {"sparsity": 0.5, "epochs": 2, "path": FOLDER / "b.tflite"}
    result = compression.compress(model, train, method="pqat", validation_data=train, **options)
    assert result.report.accuracy > 0.8 and abs(result.report.zeros - 0.5) < 0.03, result.report
    assert all(abs(zeros - 0.5) < 0.03 for zeros in compression.sparsity(model).values())
    after = model(x)
    model.save(path)
    np.testing.assert_array_equal(keras.saving.load_model(path)(x), after)
    print(make.__name__)
'''


@pytest.mark.slow
def test_models_outside_the_package_in_a_fresh_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["sequential", "nested", "Subclassed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "engine"),
    [("mixed_float16", "keras"), ("mixed_float16", "tfmot"), ("mixed_bfloat16", "tfmot")],
)
def test_models_trained_in_mixed_precision(policy, engine, tmp_path):
    keras.config.set_dtype_policy(policy)
    model, train, (x, y) = networks.trained("residual")
    answers = np.asarray(model.predict_on_batch(x), "float32").argmax(-1)
    assert model.layers[3].compute_dtype == policy.removeprefix("mixed_")
    options = {"epochs": 1, "path": tmp_path / "model.tflite", "optimizer": "adam"}
    result = compression.compress(
        model, train, method="qat", engine=engine, validation_data=(x, y), **options
    )
    assert result.report.agreement > 0.95
    assert np.mean(result.litert.predict(x).argmax(-1) == answers) > 0.95
    assert result.report.accuracy > np.mean(answers == y) - 0.03
    assert not result.untouched and result.litert.metadata.quantize == "int8"
    assert model.layers[3].compute_dtype == policy.removeprefix("mixed_")
    again = np.asarray(model.predict_on_batch(x), "float32").argmax(-1)
    assert np.mean(again == answers) > 0.95
