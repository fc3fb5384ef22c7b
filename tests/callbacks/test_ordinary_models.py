"""Callbacks on uncommon models and data, and the input that they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import callbacks
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 4)).astype("float32")
Y = RANDOM.integers(0, 3, 24)


def model_of(*layers, shape=(4,)):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), *layers])


def confusion(model, y, classes=3, x=X):
    """The confusion matrix of an untrained model."""
    watch = callbacks.ConfusionByEpoch(tf.data.Dataset.from_tensors((x, *y)), classes)
    watch.set_model(model)
    watch.on_train_begin()
    watch.on_epoch_end(0)
    return watch.matrices[0]


def dense(units=3, activation=None):
    return keras.layers.Dense(units, activation)


def test_a_single_probability_means_two_classes():
    model = model_of(dense(1, "sigmoid"))
    for y in (Y > 0, (Y > 0)[:, None].astype("float32")):
        found = confusion(model, [y], 2)
        said = np.array(model(X))[:, 0] > 0.5
        assert found.tolist() == tf.math.confusion_matrix(Y > 0, said).numpy().tolist()
        assert (found.sum(axis=0) > 0).all()


@pytest.mark.parametrize(
    ("loss", "threshold"),
    [
        (keras.losses.BinaryCrossentropy(from_logits=True), 0.0),
        (keras.losses.BinaryFocalCrossentropy(), 0.5),
        ("binary_crossentropy", 0.5),
    ],
)
def test_the_loss_decides_whether_a_single_output_is_a_logit(loss, threshold):
    model = model_of(dense(1))
    model.compile("sgd", loss)
    said = np.array(model(X))[:, 0] > threshold
    np.testing.assert_array_equal(confusion(model, [Y > 0], 2).sum(axis=0), [sum(~said), sum(said)])


def test_confusion_takes_weights_and_one_hot_labels():
    model, weights = model_of(dense()), np.ones(24)
    expected = confusion(model, [Y])
    np.testing.assert_array_equal(confusion(model, [Y, weights]), expected)
    np.testing.assert_array_equal(confusion(model, [np.eye(3)[Y]], np.int64(3)), expected)


def test_outputs_and_labels_that_do_not_fit_are_refused():
    two = keras.Input((4,))
    two = keras.Model(two, [dense()(two), dense()(two)])
    text, sequence = np.zeros((24, 5, 4)), model_of(dense(), shape=(5, 4))
    for model, y, options, message in (
        (model_of(dense(1)), [Y > 0], {"classes": 2}, "Expected a sigmoid in its last layer"),
        (model_of(dense()), [Y + 1], {}, "labels. Expected integers from 0 to 2. Received: 3"),
        (model_of(dense()), [Y + 0.5], {}, "labels. Expected integers from 0 to 2"),
        (model_of(dense()), [np.eye(4)[Y]], {}, r"an integer for each example.*\(24, 4\)"),
        (model_of(dense()), [Y], {"classes": 2}, r"one of shape \(batch, 2\).*\(24, 3\)"),
        (model_of(dense()), [], {}, r"batch.*Expected \(inputs, labels\)"),
        (two, [Y], {}, r"one of shape \(batch, 3\)"),
        (sequence, [np.zeros((24, 5))], {"x": text}, r"one of shape \(batch, 3\).*\(24, 5, 3\)"),
    ):
        with pytest.raises(InvalidInput, match=message):
            confusion(model, y, **options)


@pytest.mark.parametrize("classes", [0, 2.0, True, [], "abc", None])
def test_invalid_classes_are_refused(classes):
    with pytest.raises(InvalidInput, match="names of classes or their number"):
        callbacks.ConfusionByEpoch([], classes)


def test_a_figure_without_records_is_refused():
    for watch in (callbacks.ConfusionByEpoch([], 3), callbacks.Histograms()):
        with pytest.raises(InvalidInput, match=r"Expected at least one\. Received: none so far"):
            watch.figure()


@pytest.mark.parametrize("layers", [[], [dense()]])
def test_histograms_of_a_model_with_one_layer_or_no_weights(layers):
    watch = callbacks.Histograms(X)
    watch.set_model(model_of(*layers, keras.layers.Flatten()))
    watch.on_train_begin()
    watch.on_epoch_end(0)
    assert len(watch.found) == 2 * len(layers)


def test_invalid_arguments_and_too_few_steps_of_data_time():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(24)  # one step per epoch
    for wrong, seconds, message in ((X, 1, "`dataset`"), (data, 0, "`seconds`")):
        with pytest.raises(InvalidInput, match=message):
            callbacks.DataTime(wrong, seconds)
    with pytest.raises(InvalidInput, match="Expected at least one batch"):
        callbacks.DataTime(data.take(0)).on_train_begin()
    watch = callbacks.DataTime(data, seconds=0.01)
    model = model_of(dense(1))
    model.compile("sgd", "mse")
    model.fit(data, callbacks=[watch], shuffle=False, verbose=0)
    with pytest.raises(InvalidInput, match="an epoch with at least two calls"):
        _ = watch.input_fraction


def test_invalid_values_of_every_are_refused():
    assert callbacks.Histograms(every=np.int64(2)).every == 2
    for every in (True, 1.5, "a"):
        with pytest.raises(InvalidInput, match=r"`every`\. Expected a positive integer or None"):
            callbacks.Histograms(every=every)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: callbacks.Histograms(bins=0), "`bins`.*positive integer"),
        (lambda: callbacks.SampleGrids(None, "folder"), "`make`. Expected a function"),
        (lambda: callbacks.NonFinite(batches=5), "`batches`. Expected a function"),
    ],
)
def test_invalid_arguments_are_refused(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()
