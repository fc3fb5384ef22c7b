"""Training runs of small networks on digits, for the tests of the doctor."""

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import diagnosis

layers = keras.layers
BRIEF = {"epochs": 1, "batch": 128}  # for problems that show in the first epoch
UNTRAINED = {"epochs": 0, "batch": 128}  # for problems that show before training
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def digits():
    splits = kerasdl.data.load("digits", batch_size=32)
    parts = [splits.train, splits.validation]
    return [
        tuple(np.concatenate(a) for a in zip(*p.as_numpy_iterator(), strict=True)) for p in parts
    ]


(X, Y), (VX, VY) = digits()


def network(*hidden, last=None, **options):
    return keras.Sequential([keras.Input((8, 8, 1)), *hidden, layers.Dense(10, last, **options)])


def dense(*widths, activation="relu", **options):
    return [layers.Flatten(), *[layers.Dense(w, activation, **options) for w in widths]]


def untuned(arrays):
    """Return a dataset without autotuning, which delays the end of each epoch."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensor_slices(arrays).with_options(options)


def run(make, *, rate=3e-3, epochs=8, x=None, y=None, vx=None, vy=None, batch=32, **options):
    """Train the model that `make` returns; return its case. A single epoch is run eagerly.

    With `epochs=0` it is not trained, and its history is empty.
    """
    x, y = (X if x is None else x), (Y if y is None else y)
    vx, vy = (VX if vx is None else vx), (VY if vy is None else vy)
    loss, decay = options.pop("loss", LOGITS), options.pop("decay", None)
    shuffled, slow = options.pop("shuffle", True), options.pop("slow", None)

    def fresh():
        keras.utils.set_random_seed(0)
        model = make()
        optimizer, eagerly = keras.optimizers.Adam(rate, weight_decay=decay), epochs == 1
        model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=eagerly)
        return model

    train, validation = untuned((x, y)), untuned((vx, vy)).batch(batch)
    train = train.shuffle(len(x), seed=0) if shuffled else train
    train = train.batch(batch)
    model = fresh()
    if not epochs:
        return diagnosis.Case(model, train, validation, {"loss": []}, fresh)
    model.optimizer.build(model.trainable_variables)  # else `fit` traces twice
    history = model.fit(train, validation_data=validation, epochs=epochs, verbose=0, shuffle=False)
    examined = train.map(slow) if slow else train
    return diagnosis.Case(model, examined, validation, history.history, fresh)


def found(case):
    """Return the only finding after checking that its text is one line."""
    (finding,) = [finding for finding in diagnosis.doctor(case).values() if finding]
    assert finding.evidence and finding.advice and "\n" not in str(finding)
    return finding
