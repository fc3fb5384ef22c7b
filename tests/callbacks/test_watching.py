"""Callbacks that watch a training: what they record is what happened, and nothing changes by it."""

import pathlib
import subprocess
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

import kerasdl
from kerasdl import callbacks
from kerasdl.callbacks import epoch_ends, gradient_health
from kerasdl.callbacks.gradient_health import label
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 6)).astype("float32")
Y = RANDOM.integers(0, 3, 96)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(*hidden, rate=0.05, **options):
    keras.utils.set_random_seed(0)
    hidden = hidden or [keras.layers.Dense(5, "relu", name="hidden")]
    model = keras.Sequential([keras.Input((6,)), *hidden, keras.layers.Dense(3, name="logits")])
    model.compile(keras.optimizers.SGD(rate, momentum=0.5), LOSS, **options)
    return model


def fit(model, *watching, epochs=3):
    data = {"batch_size": 16, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, epochs=epochs, callbacks=list(watching), **data).history


def tags(folder, kind):
    board = event_accumulator.EventAccumulator(str(folder))
    board.Reload()
    return set(board.Tags()[kind]) | {t for t in board.Tags()["tensors"] if kind != "images"}


@pytest.fixture(autouse=True)
def _figures():
    yield
    plt.close("all")


def test_norms_are_those_of_the_gradients(tmp_path):
    model, watch = network(), callbacks.GradientHealth(every=2, log_dir=tmp_path)
    start = model.get_weights()
    fit(model, watch)
    assert watch.steps == list(range(0, 18, 2))
    model.set_weights(start)
    with tf.GradientTape() as tape:
        loss = LOSS(Y[:16], model(X[:16]))
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    first = [norms[0] for norms in watch.norms.values()]
    expected = [tf.linalg.global_norm(gradients[i : i + 2]) for i in (0, 2)]
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    assert [name.rpartition("/")[2] for name in watch.norms] == ["hidden", "logits"]
    assert watch.labels() == dict.fromkeys(watch.norms, "ok")
    assert {f"gradient_norm/{name}" for name in watch.norms} <= tags(tmp_path, "scalars")
    assert len(watch.figure().axes[0].lines) == 4


def test_watching_changes_nothing_and_ends_with_fit():
    alone, watched = network(), network()
    expected = fit(alone) | {"again": fit(alone)["loss"]}
    watch = callbacks.GradientHealth(every=1)
    found = fit(watched, watch)
    steps = list(watch.steps)
    found["again"] = fit(watched)["loss"]
    assert found == expected
    assert watch.steps == steps


def test_steps_between_records_are_those_of_the_model_itself():
    traced = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            traced.append(tf.inside_function())
            return x

    model = network(Counting())
    model.optimizer.build(model.trainable_variables)
    del traced[:]
    own, kinds = model.make_train_function() or model.train_function, []

    class Kinds(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            kinds.append(len(traced))

    watch = callbacks.GradientHealth(every=4)
    fit(model, watch, Kinds(), epochs=2)
    assert watch.steps == [0, 4, 8]
    assert kinds == [0, 1, *[2] * 10] and all(traced)  # each kind was traced once, none anew
    assert model.train_function is own
    fit(model)
    assert len(traced) == 2


def test_steps_that_another_callback_renews_are_watched():
    schedule = kerasdl.schedules.OneCycle(0.1, 18)
    momentum = kerasdl.schedules.CycleMomentum(schedule)
    watch = callbacks.GradientHealth(every=5)
    fit(network(), watch, momentum)
    assert watch.steps == [0, 5, 10, 15]


def test_a_model_that_is_not_built_is_refused():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("sgd", LOSS)
    with pytest.raises(InvalidInput, match="begin it with a keras\\.Input"):
        fit(model, callbacks.GradientHealth())


def test_many_steps_at_once_and_a_model_that_was_trained_before():
    model = network(steps_per_execution=3)
    fit(model)
    watch = callbacks.GradientHealth(every=1)
    fit(model, watch)
    assert watch.steps == list(range(18))
    assert np.all(np.array(list(watch.norms.values())) > 0)


def test_a_gan_has_two_optimizers_and_all_layers():
    model = kerasdl.create_model("dcgan_tiny", width=8)
    model.compile()
    watch = callbacks.GradientHealth(every=1)
    images = RANDOM.random((32, 8, 8, 1)).astype("float32")
    model.fit(images, batch_size=16, callbacks=[watch], verbose=0)
    assert len(watch.steps) == 2 and all(norms[0] > 0 for norms in watch.norms.values())
    assert len(watch.norms) == len({w.path.rpartition("/")[0] for w in model.trainable_weights})


@pytest.mark.parametrize(
    ("depth", "activation", "deviation", "expected"),
    [(16, "sigmoid", 0.5, "vanishing"), (8, None, 6.0, "exploding")],
)
def test_what_vanishes_and_what_explodes_is_said(depth, activation, deviation, expected):
    start = [keras.initializers.RandomNormal(stddev=deviation) for _ in range(depth)]
    model = network(
        *[keras.layers.Dense(6, activation, kernel_initializer=s) for s in start], rate=1e-12
    )
    watch = callbacks.GradientHealth(every=1)
    fit(model, watch, epochs=1)
    assert next(iter(watch.labels().values())) == expected


def test_dead_units_are_counted():
    model = network()
    model.layers[0].bias.assign([-100.0, -100.0, 0.0, 0.0, 0.0])
    watch = callbacks.GradientHealth(every=1)
    fit(model, watch)
    hidden = next(iter(watch.dead[-1].values()))
    assert hidden == pytest.approx(0.4)
    rare = callbacks.GradientHealth(every=10)  # of 18 steps, in epochs of 6
    fit(network(), rare)
    assert rare.steps == [0, 10] and len(rare.dead) == 2
    assert all(share < 1 for shares in rare.dead for share in shares.values())


def test_more_records_than_wait_to_be_read(monkeypatch):
    whole, short = callbacks.GradientHealth(every=1), callbacks.GradientHealth(every=1)
    fit(network(), whole)
    monkeypatch.setattr(gradient_health, "ROWS", 4)  # of 6 steps an epoch
    fit(network(), short)
    assert short.steps == whole.steps == list(range(18))
    assert list(short.norms.values()) == list(whole.norms.values())


def test_a_model_without_matrices_has_no_units_to_be_dead():
    model = keras.Sequential([keras.Input((6,)), keras.layers.LayerNormalization()])
    model.compile("sgd", "mse")
    watch = callbacks.GradientHealth(every=1)
    model.fit(X, X, callbacks=[watch], verbose=0)
    assert watch.dead == [{}] and len(watch.norms) == 1


def test_labels_at_their_limits():
    assert [label(n) for n in (0.0, 9e-8, 1e-7, 100.0, 100.1, np.nan)] == [
        "zero",
        "vanishing",
        "ok",
        "ok",
        "exploding",
        "exploding",
    ]
    with pytest.raises(InvalidInput, match="a positive integer"):
        callbacks.GradientHealth(every=0)


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


def test_rates_of_a_schedule_and_of_a_callback():
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
    assert watch.iterations[6:] == [19, 23, 25, 29, 31, 35]


def test_grids_of_samples(tmp_path):
    shades = np.linspace(0, 1, 3)[:, None, None, None] * np.ones((3, 8, 4, 1))
    watch = callbacks.SampleGrids(
        lambda model: shades, tmp_path / "grids", every=2, log_dir=tmp_path / "events"
    )
    fit(network(), watch)
    (file,) = (tmp_path / "grids").iterdir()
    assert file.name == "epoch-0002.png"
    pixels = np.array(keras.utils.load_img(file, color_mode="grayscale"))
    assert pixels.shape == (2 * 64 + 4, 2 * 32 + 4)  # two by two, of which one stays white
    assert np.unique(pixels[:64, :32]) == [0] and np.unique(pixels[:64, 36:]) == [128]
    assert np.unique(pixels[64:]) == [255]
    assert "samples" in tags(tmp_path / "events", "tensors")
    with pytest.raises(InvalidInput, match="count, height, width, 1 or 3"):
        callbacks.SampleGrids(lambda model: shades[0], tmp_path).look(0)


class Clocked(epoch_ends.EpochEnds):
    """Epochs of a second each, at whose ends a look takes as long."""

    def run(self, epochs):
        self.now = 0
        self.set_params({"epochs": epochs})
        self.on_train_begin()
        for epoch in range(epochs):
            self.now += 1
            self.on_epoch_end(epoch)
        return self.epochs

    def look(self, epoch):
        self.now += 1


def test_what_takes_long_is_done_seldom_but_in_the_end(monkeypatch):
    for every, expected in ((None, [0, 28, 39]), (10, [9, 19, 29, 39])):
        watch = Clocked(every)
        monkeypatch.setattr(epoch_ends.time, "perf_counter", lambda watch=watch: watch.now)
        assert watch.run(40) == expected
    with pytest.raises(InvalidInput, match=r"`every`\. Expected a positive integer or None"):
        Clocked(0)


def test_confusion_adds_up_to_the_accuracy(tmp_path):
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


@pytest.mark.parametrize("slow", [True, False])
def test_who_waits_for_whom(slow, tmp_path):
    def wait(x, y):
        tf.py_function(lambda: __import__("time").sleep(0.02 if slow else 0), [], [])
        return x, y

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    data = data.map(lambda x, y: wait(x, y)) if slow else data.cache()
    watch = callbacks.DataTime(data, seconds=0.2, log_dir=tmp_path)
    layers = [] if slow else [keras.layers.Dense(1500, "relu") for _ in range(3)]
    network(*layers).fit(data, epochs=2, callbacks=[watch], verbose=0, shuffle=False)
    assert (watch.input_share > 0.7) if slow else (watch.input_share < 0.5)
    assert len(watch.step_seconds) == 2


@pytest.mark.slow  # a start of TensorFlow
def test_two_devices_are_watched_as_one_is():
    script = pathlib.Path(__file__).with_name("two_devices.py")
    command = [sys.executable, script]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == "well"
