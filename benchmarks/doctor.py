"""Count the healthy trainings that the doctor accuses, and the broken ones that it names.

    python benchmarks/doctor.py              # the held-out set, about ten minutes on two cores
    python benchmarks/doctor.py --tuning     # the set on which the thresholds were chosen

Each training is a small one on data that are made here: images of gratings and blobs, tables,
texts, signals and scikit-learn's digits. Half of them are healthy; the others are broken in one way
that is known. The doctor gets the model, the data and the history of `fit`. A broken training
counts as named if the finding is one of the names listed with its fault.

The thresholds of `kerasdl.diagnosis` were chosen on the tuning set. The held-out set has other
seeds, other data and networks, and some faults that the tuning set does not have. The results go to
results/doctor.json: for each training what was broken, what the doctor said, and the model's
validation loss and accuracy, by which anyone can judge whether a healthy one is healthy.
"""

import argparse
import dataclasses
import itertools
import json
import multiprocessing
import pathlib
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf
from keras import layers

from kerasdl import diagnosis

RESULT = pathlib.Path(__file__).parent / "results" / "doctor.json"
SPARSE = keras.losses.SparseCategoricalCrossentropy
LOGITS_LOSS = SPARSE(from_logits=True)


# Data: each function returns inputs and labels, which the seed determines.


def gratings(seed, count, size=24, classes=4):
    """Color photos of stripes: the class is their direction; phase, width and color vary.

    Neighbors in pixel space rarely have the same class.
    """
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, count)
    angle = np.pi * (y + random.uniform(-0.25, 0.25, count)) / classes
    width, phase = random.uniform(0.8, 1.4, count), random.uniform(0, 2 * np.pi, count)
    rows, columns = np.mgrid[:size, :size]
    along = np.cos(angle)[:, None, None] * rows + np.sin(angle)[:, None, None] * columns
    waves = np.sin(width[:, None, None] * along + phase[:, None, None])
    color, ground = random.uniform(0, 1, (2, count, 1, 1, 3))
    x = ground + 0.5 * color * waves[..., None] + random.normal(0, 0.1, (count, size, size, 3))
    return np.clip(x, 0, 1).astype("float32"), y


def blobs(seed, count, size=24, classes=3):
    """Gray photos with one to three blobs to count, at random places on a shaded ground."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, count)
    rows, columns = np.mgrid[:size, :size] / size
    x = random.uniform(0, 0.4, (count, 1, 1)) * rows + random.normal(0, 0.05, (count, size, size))
    for number in range(classes):
        place = random.uniform(0.12, 0.38, (count, 2)) + 0.5 * np.stack(
            [np.full(count, number % 2), np.full(count, number // 2)], axis=1
        )
        far = (rows - place[:, :1, None]) ** 2 + (columns - place[:, 1:, None]) ** 2
        x += np.where((number <= y)[:, None, None], 0.8 * np.exp(-far / 0.006), 0)
    return np.clip(x, 0, 1)[..., None].astype("float32"), y


def digits(seed, count):
    found = sklearn.datasets.load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))[:count]
    return (found.images[order, ..., None] / 16).astype("float32"), found.target[order]


def table(seed, count, columns=10, noise=0.2):
    """Columns of numbers and two classes, divided by a curved surface."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, columns))
    score = (
        x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * x[:, 3] + noise * random.normal(size=count)
    )
    return x.astype("float32"), (score > 0).astype(int)


def prices(seed, count, noise=0.2):
    """A regression: columns of numbers and a target of variance about 1."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 8))
    y = np.tanh(x[:, 0] + x[:, 1]) + 0.5 * x[:, 2] + 0.4 * np.abs(x[:, 3]) - 0.3
    y += noise * random.normal(size=count)
    return x.astype("float32"), y[:, None].astype("float32")


def texts(seed, count, length=20, words=200):
    """Token sequences of two classes: which of two sets of ten words occurs more often."""
    random = np.random.default_rng(seed)
    x, y = random.integers(20, words, (count, length)), random.integers(0, 2, count)
    rows = np.arange(count)
    for _ in range(4):
        x[rows, random.integers(0, length, count)] = 10 * y + random.integers(0, 10, count)
    return x, y


def signals(seed, count, length=64):
    """Noisy waves of three shapes at random phases: sine, square and sawtooth."""
    random = np.random.default_rng(seed)
    y, phase = random.integers(0, 3, count), random.uniform(0, 1, (count, 1))
    turn = (np.arange(length) / random.uniform(14, 18, (count, 1)) + phase) % 1
    shapes = [np.sin(2 * np.pi * turn), np.sign(turn - 0.5), 2 * turn - 1]
    x = np.choose(y[:, None], shapes) + 0.2 * random.normal(size=(count, length))
    return x[..., None].astype("float32"), y


# Networks


def mlp(shape, outputs, widths=(64, 32), activation="relu", last=None, dropout=0.0, **options):
    parts = [keras.Input(shape), layers.Flatten()]
    for width in widths:
        parts.append(layers.Dense(width, activation, **options))
        parts += [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential([*parts, layers.Dense(outputs, last)])


def cnn(shape, outputs, filters=(16, 32), norm=True, first=(), momentum=0.9, pool=True):
    x = inputs = keras.Input(shape)
    for layer in first:
        x = layer(x)
    for width in filters:
        x = layers.Conv2D(width, 3, padding="same", use_bias=not norm)(x)
        x = layers.BatchNormalization(momentum=momentum)(x) if norm else x
        x = layers.MaxPooling2D()(layers.ReLU()(x))
    x = layers.GlobalAveragePooling2D()(x) if pool else layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(outputs)(x))


def reader(shape, outputs, kind="mean", words=200):
    x = inputs = keras.Input(shape, dtype="int32")
    x = layers.Embedding(words, 16)(x)
    if kind == "conv":
        x = layers.GlobalMaxPooling1D()(layers.Conv1D(24, 3, activation="relu")(x))
    elif kind == "gru":
        x = layers.GRU(16)(x)
    else:
        x = layers.Dense(16, "relu")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(outputs)(x))


def waves(shape, outputs, filters=(16, 32), activation="relu"):
    x = inputs = keras.Input(shape)
    for width in filters:
        x = layers.MaxPooling1D()(layers.Conv1D(width, 5, activation=activation)(x))
    return keras.Model(inputs, layers.Dense(outputs)(layers.GlobalAveragePooling1D()(x)))


class Own(keras.Model):
    """A subclassed model without a configuration, whose graph of layers is not known."""

    def __init__(self, outputs, widths=(64, 32), bias="zeros"):
        super().__init__()
        self.flat = layers.Flatten()
        self.hidden = [layers.Dense(w, "relu", bias_initializer=bias) for w in widths]
        self.head = layers.Dense(outputs)

    def call(self, inputs):
        x = self.flat(inputs)
        for layer in self.hidden:
            x = layer(x)
        return self.head(x)


def wide_and_deep(shape, outputs):
    """Two inputs: some columns linear, all through hidden layers."""
    wide, deep = keras.Input((4,), name="wide"), keras.Input((shape[0] - 4,), name="deep")
    x = layers.Dense(32, "relu")(layers.Concatenate()([wide, deep]))
    x = layers.Dense(32, "relu")(x)
    return keras.Model([wide, deep], layers.Dense(outputs)(layers.Concatenate()([x, wide])))


def application(shape, outputs, name, momentum=None, **options):
    model = getattr(keras.applications, name)(
        input_shape=shape, weights=None, classes=outputs, classifier_activation=None, **options
    )
    for layer in model._flatten_layers():
        if momentum and isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum
    return model


# Trainings


@dataclasses.dataclass(frozen=True)
class Training:
    """A training run to make and examine.

    Args:
        data: Function from a seed and a number of examples to inputs and labels.
        model: Function from the shape of an input and the number of outputs to a model.
        fault: str, what is broken; empty if it is healthy.
        named: tuple of str, the findings that name this fault.
        outputs: int, outputs of the model.
        count: int, training examples; there are half as many validation examples, at least 150.
        change: Function from inputs, labels, validation inputs and validation labels to these.
        augment: Function from inputs and labels of an example in the pipeline to these.
        fit: dict, further arguments of `fit`.
    """

    data: Callable
    model: Callable
    fault: str = ""
    named: tuple[str, ...] = ()
    outputs: int = 4
    count: int = 600
    epochs: int = 12
    rate: float = 3e-3
    loss: Any = LOGITS_LOSS
    seed: int = 0
    batch: int = 32
    optimizer: Callable = keras.optimizers.Adam
    change: Callable = lambda *parts: parts
    augment: Callable | None = None
    callbacks: Callable = list
    shuffled: bool = True

    def run(self) -> tuple[diagnosis.Report, dict]:
        """Train and diagnose; return the report and some numbers."""
        keras.utils.clear_session()
        keras.utils.set_random_seed(self.seed)
        held_out = max(150, self.count // 2)
        x, y = self.data(self.seed, self.count + held_out)
        n = self.count
        x, y, vx, vy = self.change(x[:n], y[:n], x[n:], y[n:])
        shape = x.shape[1:]
        model = self.model(shape, self.outputs)
        model.compile(self.optimizer(self.rate), self.loss, metrics=self._metrics())
        if len(getattr(model, "inputs", None) or ()) > 1:
            x, vx = ((part[:, :4], part[:, 4:]) for part in (x, vx))
        train = tf.data.Dataset.from_tensor_slices((x, y))
        train = train.shuffle(len(y), seed=self.seed) if self.shuffled else train
        train = train.map(self.augment) if self.augment else train
        train = train.batch(self.batch)
        validation = tf.data.Dataset.from_tensor_slices((vx, vy)).batch(100)
        history = model.fit(
            train,
            validation_data=validation,
            epochs=self.epochs,
            callbacks=self.callbacks(),
            verbose=0,
            shuffle=False,
        )
        before = time.perf_counter()
        report = diagnosis.doctor(model, train, validation=validation, history=history)
        seconds = time.perf_counter() - before
        numbers = {k: v[-1] for k, v in history.history.items() if k != "learning_rate"}
        return report, {**numbers, "doctor_seconds": seconds}

    def _metrics(self):
        return [] if self.loss in ("mse", "mae") else ["accuracy"]


def replace(training, fault, *named, **changes):
    return dataclasses.replace(training, fault=fault, named=named, **changes)


def on(make, **options):
    """A network with options, as a function of shape and outputs."""
    return lambda shape, outputs: make(shape, outputs, **options)


def shuffle_labels(x, y, vx, vy):
    return x, np.random.default_rng(1).permutation(y), vx, vy


def scale(factor, validation=None):
    validation = factor if validation is None else validation
    return lambda x, y, vx, vy: (x * np.float32(factor), y, vx * np.float32(validation), vy)


def leak(x, y, vx, vy):
    return x, y, np.concatenate([vx[60:], x[:60]]), np.concatenate([vy[60:], y[:60]])


def mostly_class(number, rare):
    """Leave only a few examples of the other classes."""

    def change(x, y, vx, vy):
        def keep(labels, many):
            others = np.flatnonzero(labels != number)[:many]
            return np.sort(np.r_[np.flatnonzero(labels == number), others])

        rows, held_out = keep(y, rare), keep(vy, 40)
        return x[rows], y[rows], vx[held_out], vy[held_out]

    return change


def few(count):
    return lambda x, y, vx, vy: (x[:count], y[:count], vx, vy)


def noisy_labels(fraction, classes):
    def change(x, y, vx, vy):
        random = np.random.default_rng(2)
        wrong = random.random(len(y)) < fraction
        return x, np.where(wrong, random.integers(0, classes, len(y)), y), vx, vy

    return change


def in_order(x, y, vx, vy):
    order = np.argsort(y, kind="stable")
    return x[order], y[order], vx, vy


def constant_column(x, y, vx, vy):
    x = x.copy()
    x[:, 2] = 0.7
    return x, y, vx, vy


def label_column(x, y, vx, vy):
    return np.c_[x, y].astype("float32"), y, np.c_[vx, vy].astype("float32"), vy


def missing(x, y, vx, vy):
    x = x.copy()
    x.reshape(len(x), -1)[::9, 1] = np.nan
    return x, y, vx, vy


def large_column(x, y, vx, vy):
    x, vx = x.copy(), vx.copy()
    x[:, 4], vx[:, 4] = 5e4 * x[:, 4], 5e4 * vx[:, 4]
    return x, y, vx, vy


def frozen(make, layers_to_keep=1):
    """A network whose layers are frozen at random weights, except the last."""

    def model(shape, outputs):
        found = make(shape, outputs)
        for layer in found.layers[:-layers_to_keep]:
            layer.trainable = False
        return found

    return model


def all_frozen(make):
    def model(shape, outputs):
        found = make(shape, outputs)
        found.trainable = False
        return found

    return model


def fine_tuned(make, data, classes, thaw=False):
    """A network trained on other classes; its new head is trained, or with `thaw` all of it."""

    def model(shape, outputs):
        base = make(shape, classes)
        base.compile(keras.optimizers.Adam(3e-3), LOGITS_LOSS)
        base.fit(*data(77, 800), epochs=10, batch_size=32, verbose=0)
        backbone = keras.Model(base.inputs, base.layers[-2].output)
        backbone.trainable = thaw
        inputs = keras.Input(shape)
        return keras.Model(inputs, layers.Dense(outputs)(backbone(inputs, training=False)))

    return model


def stop_early():
    return [keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)]


def reduce_rate():
    return [keras.callbacks.ReduceLROnPlateau(patience=2, factor=0.3)]


def flip(x, y):
    return tf.image.random_brightness(tf.image.random_flip_left_right(x), 0.1), y


def jitter(x, y):
    return x + 0.05 * tf.random.normal(tf.shape(x)), y


def erase(x, y):
    """Cut a window of 4x4 pixels out of the image and enlarge it, over strong noise."""
    x = tf.image.resize(tf.image.random_crop(x, (3, 3, x.shape[-1])), x.shape[:2])
    return tf.clip_by_value(x + 0.5 * tf.random.normal(tf.shape(x)), 0.0, 1.0), y


def flood(x, y):
    return tf.clip_by_value(x + 4.0 * tf.random.normal(tf.shape(x)), 0.0, 1.0), y


STANDARD = ("learning rate too high", "dead units", "the loss is NaN or infinite")
SLOW = ("learning rate too low",)
SHUFFLED = ("labels unrelated to inputs",)
SCALE = ("inputs not scaled",)
LOGITS = ("logits taken for probabilities",)
SOFTMAX = ("softmax twice",)
DEAD = ("dead units", "no gradients")
VANISHED = ("vanishing gradients",)
EXPLODED = ("exploding gradients", "the loss is NaN or infinite")
SATURATED = ("saturated units",)
SMALL = ("underfitting: too little capacity",)
OVERFITTED = ("overfitting",)
FROZEN = ("most weights frozen",)
YOUNG = ("outdated batch normalization averages",)
HIDDEN = ("augmentation hides the labels",)
DROPOUT = ("too much dropout",)
BALANCE = ("imbalanced classes",)


def tuning() -> dict[str, Training]:
    """The trainings on which the thresholds were chosen: seed 0."""
    digit = Training(digits, mlp, outputs=10, count=900)
    rows = Training(table, on(mlp), outputs=2, count=1000)
    words = Training(texts, reader, outputs=2, count=800)
    price = Training(prices, on(mlp), outputs=1, count=800, loss="mse", epochs=20)
    photo = Training(gratings, cnn, outputs=4)
    return {
        "digits": digit,
        "table": dataclasses.replace(rows, model=on(mlp, dropout=0.2)),
        "text": words,
        "prices": price,
        "photos": photo,
        "few photos": dataclasses.replace(photo, count=300, epochs=15),
        "few digits": dataclasses.replace(
            digit, count=250, callbacks=stop_early, model=on(mlp, dropout=0.3)
        ),
        "digits, fine-tuned": dataclasses.replace(
            digit, model=fine_tuned(on(cnn), digits, 10), epochs=8, rate=0.01
        ),
        "digits, labels shuffled": replace(
            digit, "labels shuffled", *SHUFFLED, change=shuffle_labels
        ),
        "text, labels shuffled": replace(
            words, "labels shuffled", *SHUFFLED, change=shuffle_labels
        ),
        "prices, targets shuffled": replace(
            price, "targets shuffled", *SHUFFLED, change=shuffle_labels
        ),
        "digits, rate 1": replace(digit, "learning rate too high", *STANDARD, rate=1.0),
        "photos, rate 1e-6": replace(photo, "learning rate too low", *SLOW, rate=1e-6),
        "table, rate 1e-6": replace(rows, "learning rate too low", *SLOW, rate=1e-6),
        "digits, bytes": replace(digit, "inputs not scaled", *SCALE, change=scale(2550)),
        "digits, dead": replace(
            digit,
            "biases of -10",
            *DEAD,
            model=on(mlp, bias_initializer=keras.initializers.Constant(-10)),
        ),
        "digits, saturated": replace(
            digit,
            "saturated sigmoids",
            *SATURATED,
            model=on(
                mlp,
                activation="sigmoid",
                kernel_initializer=keras.initializers.RandomNormal(stddev=20),
            ),
        ),
        "digits, ten sigmoids": replace(
            digit,
            "vanishing gradients",
            *VANISHED,
            model=on(mlp, widths=(32,) * 10, activation="sigmoid"),
        ),
        "table, overfitted": replace(
            rows,
            "overfitting",
            *OVERFITTED,
            model=on(mlp, widths=(256, 256)),
            change=few(150),
            epochs=60,
        ),
        "prices, overfitted": replace(
            price,
            "overfitting",
            *OVERFITTED,
            model=on(mlp, widths=(256, 256)),
            change=few(100),
            epochs=80,
        ),
        "digits, two units": replace(
            digit, "too small", *SMALL, model=on(mlp, widths=(1,)), epochs=25
        ),
        "digits, dropout": replace(digit, "dropout of 0.9", *DROPOUT, model=on(mlp, dropout=0.9)),
        "photos, frozen": replace(photo, "frozen by mistake", *FROZEN, model=frozen(cnn)),
        "digits, imbalanced": replace(
            digit, "imbalance ignored", *BALANCE, change=mostly_class(3, 6), epochs=4
        ),
        "photos, noise": replace(photo, "augmentation destroys labels", *HIDDEN, augment=flood),
        "digits, leak": replace(digit, "leakage", "validation data seen in training", change=leak),
    }


def held_out() -> dict[str, Training]:
    """The trainings that are reported: other seeds, data, networks and further faults."""
    photo = Training(gratings, cnn, seed=101)
    count = Training(blobs, on(cnn, pool=False), outputs=3, seed=102, epochs=15)
    wave = Training(signals, waves, outputs=3, seed=103, count=700)
    rows = Training(table, on(mlp, widths=(48, 48)), outputs=2, seed=104, count=1200, epochs=15)
    one = dataclasses.replace(
        rows, outputs=1, loss=keras.losses.BinaryCrossentropy(from_logits=True), seed=105
    )
    price = Training(
        prices, on(mlp, widths=(48, 24)), outputs=1, seed=106, count=900, loss="mse", epochs=25
    )
    words = Training(texts, on(reader, kind="conv"), outputs=2, seed=107, count=800, epochs=8)
    digit = Training(digits, on(mlp, widths=(96,)), outputs=10, seed=108, count=1000)
    small = Training(
        gratings, on(application, name="MobileNet", alpha=0.25), seed=109, epochs=6, rate=2e-3
    )
    small = dataclasses.replace(small, data=lambda seed, n: gratings(seed, n, 32), count=800)
    mobile = dataclasses.replace(small, model=on(application, name="MobileNetV2", alpha=0.35))

    def with_(training, **changes):
        return dataclasses.replace(training, **changes)

    healthy = {
        "photos": photo,
        "photos, other seed": with_(photo, seed=111),
        "photos, 300": with_(photo, seed=112, count=300, epochs=20),
        "photos, flips": with_(count, augment=flip),
        "photos, bytes rescaled": with_(
            photo, model=on(cnn, first=[layers.Rescaling(1 / 255)]), change=scale(255), seed=113
        ),
        "photos, standardized by a layer of 0 to 255": with_(
            photo, model=cnn, change=scale(255), seed=114
        ),
        "photos, augmented in the model": with_(
            count,
            model=on(cnn, pool=False, first=[layers.RandomFlip(), layers.RandomContrast(0.2)]),
            epochs=20,
        ),
        "photos, fine-tuned head": with_(
            photo, model=fine_tuned(cnn, gratings, 4), seed=115, epochs=8, rate=0.01
        ),
        "photos, fine-tuned": with_(
            count, model=fine_tuned(on(cnn), blobs, 3, thaw=True), epochs=12, rate=1e-3
        ),
        "photos, MobileNet": with_(
            small,
            model=on(application, name="MobileNet", alpha=0.25, momentum=0.9),
            epochs=10,
        ),
        "photos, MobileNetV2": with_(
            mobile, model=on(application, name="MobileNetV2", alpha=0.35, momentum=0.9), epochs=10
        ),
        "counting": count,
        "signals": wave,
        "signals, SGD": with_(
            wave, optimizer=lambda rate: keras.optimizers.SGD(rate, 0.9), rate=0.03, epochs=20
        ),
        "signals, tanh": with_(wave, model=on(waves, activation="tanh"), seed=116),
        "table": rows,
        "table, one output": one,
        "table, dropout": with_(rows, model=on(mlp, widths=(64, 64), dropout=0.3), seed=117),
        "table, sigmoid hidden": with_(
            rows, model=on(mlp, widths=(48,), activation="sigmoid"), rate=0.02, epochs=25, seed=118
        ),
        "table, three quarters of a class": with_(
            rows, change=mostly_class(1, 200), seed=119, epochs=12
        ),
        "table, two inputs": with_(rows, model=wide_and_deep, seed=120),
        "table, 200 rows stopped early": with_(
            rows,
            data=lambda seed, n: table(seed, n, columns=5),
            count=400,
            callbacks=stop_early,
            model=on(mlp, widths=(24,), dropout=0.2),
            rate=0.01,
            epochs=25,
        ),
        "table, noisy": with_(
            rows,
            data=lambda seed, n: table(seed, n, noise=1.0),
            model=on(mlp, dropout=0.3),
            seed=121,
            callbacks=stop_early,
        ),
        "prices": price,
        "prices, MAE": with_(price, loss="mae", seed=122),
        "prices, rate reduced": with_(price, callbacks=reduce_rate, seed=123, rate=0.01),
        "text, convolution": words,
        "text, GRU": with_(words, model=on(reader, kind="gru"), seed=124, epochs=10, rate=0.01),
        "text, small": with_(words, model=reader, count=400, seed=125, epochs=15),
        "digits, subclassed": with_(digit, model=lambda shape, outputs: Own(outputs)),
        "digits, label smoothing": with_(
            digit,
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            change=lambda x, y, vx, vy: (x, np.eye(10)[y], vx, np.eye(10)[vy]),
        ),
        "digits, 250": with_(
            digit, count=250, model=on(mlp, dropout=0.3), callbacks=stop_early, epochs=25
        ),
        "digits, probabilities": with_(digit, model=on(mlp, last="softmax"), loss=SPARSE()),
    }
    big = keras.initializers.RandomNormal(stddev=3.0, seed=0)
    low = keras.initializers.Constant(-6.0)
    broken = {
        "photos, labels shuffled": replace(
            photo, "labels shuffled", *SHUFFLED, change=shuffle_labels, epochs=20
        ),
        "signals, labels shuffled": replace(
            wave, "labels shuffled", *SHUFFLED, change=shuffle_labels
        ),
        "table, labels shuffled": replace(
            rows, "labels shuffled", *SHUFFLED, change=shuffle_labels, epochs=30
        ),
        "prices, targets shuffled": replace(
            price, "targets shuffled", *SHUFFLED, change=shuffle_labels
        ),
        "counting, rate 0.5": replace(count, "learning rate too high", *STANDARD, rate=0.5),
        "prices, rate 1": replace(price, "learning rate too high", *STANDARD, rate=1.0),
        "text, rate 3": replace(words, "learning rate too high", *STANDARD, rate=3.0),
        "signals, rate 1e-6": replace(wave, "learning rate too low", *SLOW, rate=1e-6),
        "text, rate 3e-6": replace(words, "learning rate too low", *SLOW, rate=3e-6),
        "prices, SGD 1e-6": replace(
            price, "learning rate too low", *SLOW, rate=1e-6, optimizer=keras.optimizers.SGD
        ),
        "counting, bytes": replace(
            count,
            "inputs not scaled",
            *SCALE,
            change=scale(255),
            model=on(cnn, norm=False, pool=False),
        ),
        "table, a column of thousands": replace(
            rows, "a column not scaled", *SCALE, change=large_column
        ),
        "photos, validation not scaled": replace(
            photo,
            "validation data not scaled",
            "validation inputs scaled differently",
            change=scale(1, 255),
        ),
        "counting, dead": replace(
            count,
            "dead ReLUs by biases of -6",
            *DEAD,
            model=lambda shape, outputs: mlp(shape, outputs, bias_initializer=low),
        ),
        "digits, dead in a subclassed model": replace(
            digit,
            "dead ReLUs by biases of -6",
            *DEAD,
            model=lambda shape, outputs: Own(outputs, bias=low),
        ),
        "table, saturated tanh": replace(
            rows,
            "saturated tanh",
            *SATURATED,
            model=on(
                mlp,
                activation="tanh",
                kernel_initializer=keras.initializers.RandomNormal(stddev=30),
            ),
        ),
        "digits, softmax and logits": replace(
            digit, "softmax with from_logits=True", *SOFTMAX, model=on(mlp, last="softmax")
        ),
        "signals, logits as probabilities": replace(
            wave, "logits without from_logits", *LOGITS, loss=SPARSE()
        ),
        "table, softmax of one unit": replace(
            one,
            "softmax of one unit",
            "softmax of one unit",
            model=on(mlp, last="softmax"),
            loss="binary_crossentropy",
        ),
        "prices, sigmoid": replace(
            price,
            "targets out of the range of a sigmoid",
            "targets out of reach",
            model=on(mlp, last="sigmoid"),
        ),
        "table, nine sigmoids": replace(
            rows,
            "vanishing gradients",
            *VANISHED,
            model=on(mlp, widths=(24,) * 9, activation="sigmoid"),
        ),
        "counting, large weights": replace(
            count,
            "exploding gradients",
            *EXPLODED,
            model=lambda shape, outputs: mlp(shape, outputs, (64,) * 4, kernel_initializer=big),
        ),
        "prices, overfitted": replace(
            price,
            "overfitting",
            *OVERFITTED,
            model=on(mlp, widths=(256, 256)),
            change=few(80),
            epochs=80,
        ),
        "table, overfitted": replace(
            one,
            "overfitting",
            *OVERFITTED,
            model=on(mlp, widths=(200, 200)),
            change=few(200),
            epochs=50,
        ),
        "text, overfitted": replace(
            words,
            "overfitting",
            *OVERFITTED,
            change=noisy_labels(0.4, 2),
            epochs=40,
        ),
        "counting, leak": replace(
            count, "leakage between splits", "validation data seen in training", change=leak
        ),
        "table, label among the columns": replace(
            rows, "the label is a column", "inputs contain the labels", change=label_column
        ),
        "digits, imbalanced": replace(
            digit,
            "imbalance ignored",
            *BALANCE,
            change=mostly_class(5, 9),
            epochs=5,
            seed=131,
        ),
        "signals, one unit": replace(
            wave, "too small network", *SMALL, model=on(mlp, widths=(1,)), epochs=25
        ),
        "photos, MobileNet frozen": replace(
            small,
            "frozen by mistake",
            *FROZEN,
            model=frozen(on(application, name="MobileNet", alpha=0.25), 4),
            epochs=4,
        ),
        "photos, all frozen": replace(
            photo, "all frozen", "nothing to train", model=all_frozen(cnn), epochs=2
        ),
        "photos, young averages of MobileNetV2": replace(
            mobile, "young BatchNorm averages", *YOUNG, epochs=5
        ),
        "photos, momentum of 0.9999": replace(
            photo, "momentum too high", *YOUNG, model=on(cnn, momentum=0.9999)
        ),
        "table, dropout of 0.85": replace(
            rows, "too much dropout", *DROPOUT, model=on(mlp, dropout=0.85)
        ),
        "table, a constant column": replace(
            rows, "constant feature", "constant features", change=constant_column
        ),
        "photos, crops": replace(photo, "augmentation destroys labels", *HIDDEN, augment=erase),
        "signals, in order": replace(
            wave, "not shuffled", "data not shuffled", change=in_order, shuffled=False
        ),
        "signals, NaN": replace(
            wave,
            "NaN in the data",
            "NaN or infinite inputs",
            "the loss is NaN or infinite",
            change=missing,
            epochs=3,
        ),
    }
    # in turns, so that a part of the run has both
    turns = itertools.zip_longest(healthy.items(), broken.items())
    return dict(item for pair in turns for item in pair if item)


SETS = {"tuning": tuning, "held_out": held_out}


def examine(part: str, name: str) -> dict:
    """Train one of a set and ask the doctor; return a row."""
    training = SETS[part]()[name]
    start = time.perf_counter()
    try:
        report, numbers = training.run()
        found = report.finding
    except Exception as error:  # counts as wrong
        reason = " ".join(str(error).split())[:200]
        found, numbers = diagnosis.Finding(type(error).__name__, reason, ""), {}
    named = found is not None and found.name in training.named
    right = named if training.fault else found is None
    return {
        "training": name,
        "broken": training.fault,
        "found": found.name if found else "",
        "sure": found.certainty if found else "",
        "evidence": found.evidence if found else "",
        "right": right,
        **{key: round(float(value), 4) for key, value in numbers.items()},
        "seconds": round(time.perf_counter() - start, 1),
    }


def summary(rows: list[dict]) -> dict:
    healthy, broken = ([r for r in rows if bool(r["broken"]) == b] for b in (False, True))
    return {
        "healthy": len(healthy),
        "healthy_accused": sum(not row["right"] for row in healthy),
        "broken": len(broken),
        "broken_named": sum(row["right"] for row in broken),
        "broken_all_well": sum(not row["found"] for row in broken),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tuning", action="store_true", help="Run the tuning set.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--continue", action="store_true", dest="goes_on", help="Keep what the result file has."
    )
    parser.add_argument("names", nargs="*", help="Only trainings whose names contain one of these.")
    options = parser.parse_args()
    part = "tuning" if options.tuning else "held_out"
    parts = options.names or [""]
    names = [name for name in SETS[part]() if any(text in name for text in parts)]
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    before = results.get(part, {}).get("trainings", []) if options.goes_on else []
    rows = {row["training"]: row for row in before}
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        waiting = [pool.submit(examine, part, name) for name in names if name not in rows]
        for future in futures.as_completed(waiting):
            row = future.result()
            rows[row["training"]] = row
            mark = "ok" if row["right"] else "WRONG"
            said = f"{row['found']} ({row['sure']}): {row['evidence']}" if row["found"] else "well"
            print(f"{mark:5} {row['training']}: {said[:300]}", flush=True)
            if not options.names:
                done = [rows[name] for name in names if name in rows]
                results[part] = {**summary(done), "trainings": done}
                RESULT.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(summary(list(rows.values()))))


if __name__ == "__main__":
    main()
