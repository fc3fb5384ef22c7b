"""Preparation of data, compared with Keras, TensorFlow and `kerasdl.data`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.trainers.data_adapters import array_slicing

from kerasdl.data import columns, splitting
from kerasdl.data.sets import sequences
from kerasdl.formulas import data

RANDOM = np.random.default_rng(0)


def test_normalize(same):
    images = RANDOM.random((2, 4, 4, 3)).astype("float32")
    layer = keras.layers.Rescaling(2, -1)
    same(data.normalize, "keras.layers.Rescaling", data.normalize(images), layer(images))
    mean, deviation = data.IMAGENET_MEAN, data.IMAGENET_DEVIATION
    layer = keras.layers.Normalization(mean=mean, variance=deviation**2)
    ours = data.normalize(images, mean, deviation)
    same(data.normalize, "keras.layers.Normalization", ours, layer(images))
    theirs = keras.applications.imagenet_utils.preprocess_input(255 * images, mode="torch")
    name = 'keras.applications.imagenet_utils.preprocess_input("torch")'
    same(data.normalize, name, ours, theirs)
    assert data.normalize(mean, mean, deviation).tolist() == [0, 0, 0]


@pytest.mark.rows("E-28")
def test_standardized_numbers_are_not_bounded(same):
    values = RANDOM.exponential(size=200)
    ours = data.normalize(values, values.mean(), values.std())
    theirs = columns.Column.fit("value", values, np.arange(200)).standardized(values)[:, 0]
    same(data.normalize, "kerasdl.data's tables", ours, theirs)
    assert (ours.mean().round(9), ours.std().round(9)) == (0, 1)
    assert ours.max() > 3


@pytest.mark.parametrize(("examples", "batch_size"), [(100, 32), (96, 32), (5, 32)])
def test_batch_sizes(examples, batch_size, same):
    theirs = [len(batch) for batch in tf.data.Dataset.range(examples).batch(batch_size)]
    same(data.batch_sizes, "tf.data.Dataset.batch", data.batch_sizes(examples, batch_size), theirs)


@pytest.mark.parametrize(("count", "share"), [(10, 0.2), (53, 0.2), (7, 0.2), (13, 0.1), (5, 0.1)])
def test_hold_out_takes_the_last_examples(count, share, same):
    x = np.arange(count)
    ours = data.hold_out(x, share)
    assert np.concatenate(ours).tolist() == x.tolist()
    same(data.hold_out, "kerasdl.data", list(ours), list(splitting.hold_out(x, share)))
    theirs = [part[0] for part in array_slicing.train_validation_split((x,), share)]
    same(data.hold_out, "keras.Model.fit(validation_split)", list(ours), theirs)


@pytest.mark.parametrize(("length", "horizon"), [(10, 1), (10, 3), (1, 1)])
def test_windows(length, horizon, same):
    series = RANDOM.random(100)
    ours = data.windows(series, length, horizon)
    theirs = sequences.windows(series, length, horizon)
    same(data.windows, "kerasdl.data", list(ours), [part[..., 0] for part in theirs])
    dataset = keras.utils.timeseries_dataset_from_array(
        series[: -horizon or None], series[length + horizon - 1 :], length, batch_size=100
    )
    name = "keras.utils.timeseries_dataset_from_array"
    same(data.windows, name, list(ours), [part.numpy() for part in next(iter(dataset))])
    assert len(ours[0]) == 100 - length - horizon + 1


def test_moving_average(same):
    series = RANDOM.random(30)
    theirs = tf.nn.avg_pool1d(series[None, :, None], 5, 1, "VALID")[0, :, 0]
    same(data.moving_average, "tf.nn.avg_pool1d", data.moving_average(series, 5), theirs)


def test_spectrogram(same):
    time = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 440 * time) + 0.1 * RANDOM.normal(size=8000)
    ours = data.spectrogram(tone)
    theirs = np.abs(tf.signal.stft(tone.astype("float32"), 256, 128))
    same(data.spectrogram, "tf.signal.stft", ours, theirs)
    assert set(ours.argmax(axis=1)) == {round(440 * 256 / 8000)}
