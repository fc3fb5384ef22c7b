"""What the recording callbacks record in training."""

import pathlib
import subprocess
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import callbacks
from kerasdl.callbacks import epoch_callback
from kerasdl.errors import InvalidInput
from tests.callbacks.parts import LOSS, X, Y, fit, network, tags


@pytest.fixture(autouse=True)
def _figures():
    yield
    plt.close("all")


@pytest.mark.rows("DBG-09")
def test_histograms_of_weights_and_outputs(tmp_path):
    model, watch = network(), callbacks.Histograms(X[:8], log_dir=tmp_path)
    fit(model, watch, epochs=1)
    (counts, edges), *_ = watch.found["hidden/output"]
    assert counts.sum() == 8 * 5 and edges[0] >= 0  # after its ReLU
    assert sum(name.endswith("kernel") for name in watch.found) == 2
    assert set(watch.found) <= tags(tmp_path, "histograms")
    assert len([axis for axis in watch.figure().axes if axis.images]) == 4
    model.layers[0].kernel.assign(model.layers[0].kernel * np.nan)
    watch = callbacks.Histograms()
    watch.set_model(model)
    watch.on_train_begin()
    watch.on_epoch_end(0)
    assert watch.broken == [model.layers[0].kernel.path]


def test_learning_rates_of_a_schedule_and_of_a_callback():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 18, 0.01)
    model, watch = network(rate=schedule), callbacks.RateLog(every=1)
    history = fit(model, watch)
    assert watch.iterations == list(range(1, 19))
    np.testing.assert_allclose(watch.rates, [float(schedule(i)) for i in range(1, 19)])
    assert history["learning_rate"][-1] == pytest.approx(0.01)
    model, watch = network(), callbacks.RateLog(every=4)
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / 2**epoch)
    fit(model, halve, watch)
    assert watch.iterations == [1, 5, 7, 11, 13, 17]
    np.testing.assert_allclose(watch.rates, np.repeat([0.1, 0.05, 0.025], 2), rtol=1e-6)
    fit(model, watch)
    assert watch.iterations == [19, 23, 25, 29, 31, 35] and len(watch.figure().axes) == 1


@pytest.mark.parametrize(
    ("options", "compiled", "expected"),
    [
        ({}, {"steps_per_execution": 4}, [4, 6, 10, 12]),
        ({"gradient_accumulation_steps": 2}, {}, list(range(1, 13))),
    ],
)
def test_iterations_equal_those_of_the_optimizer(options, compiled, expected):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 18, 0.01)
    model = network()
    model.compile(keras.optimizers.SGD(schedule, **options), LOSS, **compiled)
    watch = callbacks.RateLog(every=1)
    fit(model, watch, epochs=2)
    assert watch.iterations == expected
    np.testing.assert_allclose(watch.rates, [float(schedule(i)) for i in expected])


def test_the_learning_rate_is_that_of_the_optimizer_in_use():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Dense(1)

        def compile(self):
            super().compile()  # creates an optimizer that is not used
            self.own = keras.optimizers.SGD(0.3)

        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = keras.ops.mean(self.layer(data[0]) ** 2)
            weights = self.layer.trainable_variables
            self.own.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    model, watch = Own(), callbacks.RateLog()
    model.compile()
    history = fit(model, watch)
    assert history["learning_rate"] == pytest.approx([0.3] * 3)
    assert watch.rates == pytest.approx([0.3] * 3)


def test_grids_of_samples(tmp_path):
    shades = np.linspace(0, 1, 3)[:, None, None, None] * np.ones((3, 8, 4, 1))
    watch = callbacks.SampleGrids(
        lambda model: shades, tmp_path / "grids", every=2, log_dir=tmp_path / "events"
    )
    fit(network(), watch)
    (file,) = (tmp_path / "grids").iterdir()
    assert file.name == "epoch-0002.png"
    pixels = np.array(keras.utils.load_img(file, color_mode="grayscale"))
    assert pixels.shape == (2 * 64 + 4, 2 * 32 + 4)  # 2 by 2, one of them empty
    assert np.unique(pixels[:64, :32]) == [0] and np.unique(pixels[:64, 36:]) == [128]
    assert np.unique(pixels[64:]) == [255]
    assert "samples" in tags(tmp_path / "events", "tensors")
    with pytest.raises(InvalidInput, match="count, height, width, 1 or 3"):
        callbacks.SampleGrids(lambda model: shades[0], tmp_path).record(0)


class Clocked(epoch_callback.EpochCallback):
    """A callback on a fake clock: epochs take a second, and so does recording."""

    def run(self, epochs):
        self.now = 0
        self.set_params({"epochs": epochs})
        self.on_train_begin()
        for epoch in range(epochs):
            self.now += 1
            self.on_epoch_end(epoch)
        return self.epochs

    def record(self, epoch):
        self.now += 1


def test_slow_recording_is_rare_but_includes_the_last_epoch(monkeypatch):
    for every, expected in ((None, [0, 28, 39]), (10, [9, 19, 29, 39])):
        watch = Clocked(every)
        monkeypatch.setattr(epoch_callback.time, "perf_counter", lambda watch=watch: watch.now)
        assert watch.run(40) == expected
    with pytest.raises(InvalidInput, match=r"`every`\. Expected a positive integer or None"):
        Clocked(0)


@pytest.mark.rows("DBG-20")
def test_the_diagonal_of_the_confusion_matrix_gives_the_accuracy(tmp_path):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(40)
    watch = callbacks.ConfusionByEpoch(data, ["a", "b", "c"], every=1, log_dir=tmp_path)
    model = network(metrics=["accuracy"])
    fit(model, watch)
    assert len(watch.matrices) == 3
    right = np.trace(watch.matrices[-1]) / 96
    assert right == pytest.approx(model.evaluate(X, Y, verbose=0)[1])
    np.testing.assert_array_equal(watch.matrices[-1].sum(axis=1), np.bincount(Y))
    assert len(watch.figure().axes) == 3
    assert "confusion" in tags(tmp_path, "tensors")


@pytest.mark.rows("DBG-21", "DAT-28")
@pytest.mark.parametrize("slow", [True, False])
def test_slow_data_and_slow_steps_have_different_input_fractions(slow, tmp_path):
    def wait(x, y):
        tf.py_function(lambda: __import__("time").sleep(0.02 if slow else 0), [], [])
        return x, y

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    data = data.map(lambda x, y: wait(x, y)) if slow else data.cache()
    watch = callbacks.DataTime(data, seconds=0.2, log_dir=tmp_path)
    layers = [] if slow else [keras.layers.Dense(1500, "relu") for _ in range(3)]
    network(*layers).fit(data, epochs=2, callbacks=[watch], verbose=0, shuffle=False)
    assert (watch.input_fraction > 0.7) if slow else (watch.input_fraction < 0.5)
    assert len(watch.step_seconds) == 2


@pytest.mark.slow  # a start of TensorFlow
def test_recording_on_two_devices():
    script = pathlib.Path(__file__).with_name("two_devices.py")
    command = [sys.executable, script]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == "passed"
