"""Segmentation, compared with Keras, scikit-learn and torchmetrics."""

import keras
import numpy as np
import pytest
import sklearn.metrics

from kerasdl.callbacks.confusion import ConfusionByEpoch
from kerasdl.formulas import metrics, segmentation


@pytest.fixture
def numbers(reference):
    return reference("dice_iou")


def test_confusion_matrix(numbers, same):
    y, said = numbers["target"], numbers["pred"]
    ours = segmentation.confusion_matrix(y, said, 3)
    theirs = numbers["confmat"]
    same(segmentation.confusion_matrix, "torchmetrics (fixture)", ours, theirs)
    theirs = sklearn.metrics.confusion_matrix(y.ravel(), said.ravel())
    same(segmentation.confusion_matrix, "sklearn.metrics.confusion_matrix", ours, theirs)
    x = keras.Input((3,))
    callback = ConfusionByEpoch([(np.eye(3)[said.ravel()], y.ravel())], 3)
    callback.set_model(keras.Model(x, keras.layers.Identity()(x)))
    callback.on_train_begin()
    callback.on_epoch_end(0)
    name = "kerasdl.callbacks.ConfusionByEpoch"
    same(segmentation.confusion_matrix, name, ours, callback.matrices[0])


def test_iou_and_dice_of_classes(numbers, same):
    pairs = list(zip(numbers["target"], numbers["pred"], strict=True))
    each = [segmentation.confusion_matrix(y, said, 3) for y, said in pairs]
    ours = [segmentation.class_iou(confusion) for confusion in each]
    same(
        segmentation.class_iou,
        "torchmetrics mean_iou (fixture)",
        ours,
        list(numbers["miou_per_class"]),
    )
    ours = [segmentation.class_dice(confusion) for confusion in each]
    same(
        segmentation.class_dice,
        "torchmetrics dice_score (fixture)",
        ours,
        list(numbers["dice_none"]),
    )
    metric = keras.metrics.MeanIoU(3)
    metric.update_state(numbers["target"], numbers["pred"])
    whole = segmentation.confusion_matrix(numbers["target"], numbers["pred"], 3)
    ours = segmentation.class_iou(whole).mean()
    same(segmentation.class_iou, "keras.metrics.MeanIoU", ours, metric.result())
    assert ours == pytest.approx(float(numbers["jaccard_macro"]), abs=1e-6)
    assert np.trace(whole) / whole.sum() == pytest.approx(float(numbers["pixel_acc"]))


@pytest.mark.rows("E-04")
def test_dice_equals_f1(numbers, same):
    y, said = numbers["target"].ravel(), numbers["pred"].ravel()
    ours = segmentation.class_dice(segmentation.confusion_matrix(y, said, 3))
    theirs = sklearn.metrics.f1_score(y, said, average=None)
    same(segmentation.class_dice, "sklearn.metrics.f1_score", ours, theirs)
    precision = sklearn.metrics.precision_score(y, said, average=None)
    recall = sklearn.metrics.recall_score(y, said, average=None)
    np.testing.assert_allclose(metrics.f1(precision, recall), ours)
    half = segmentation.class_dice(np.array([[0, 1], [0, 1]]))[1]  # P = 0.5, R = 1
    assert half == pytest.approx(2 / 3)


def test_dice_loss(numbers, same):
    y = np.eye(3)[numbers["target"]].transpose(0, 3, 1, 2)  # (batch, classes, height, width)
    p = numbers["prob"]
    ours = [segmentation.dice_loss(y[:, c], p[:, c], smooth=1) for c in range(3)]
    name = "torch, soft Dice (fixture)"
    same(segmentation.dice_loss, name, ours, list(numbers["soft_dice_loss_per_class"]))
    ours = segmentation.dice_loss(y, p)
    same(segmentation.dice_loss, "keras.losses.Dice", ours, keras.losses.Dice()(y, p))


def test_each_class_has_its_color(same):
    logits = np.random.default_rng(0).normal(size=(6, 7, 3))
    palette = np.array([[255, 255, 255], [0, 0, 0], [128, 128, 128]])  # background, people, cars
    ours = segmentation.painted(logits, palette)
    theirs = keras.ops.take(palette, keras.ops.argmax(logits, axis=-1), axis=0)
    same(segmentation.painted, "keras.ops.take", ours, theirs)
    again = (ours[:, :, None] == palette).all(axis=-1).argmax(axis=-1)
    np.testing.assert_array_equal(again, logits.argmax(axis=-1))
