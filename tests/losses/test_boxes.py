"""Losses of boxes equal their formulas, have gradients everywhere, and can be saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import losses
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
KINDS = [losses.GIoU, losses.DIoU, losses.CIoU]


def boxes(count):
    first = RANDOM.uniform(0, 5, (count, 2))
    return np.concatenate([first, first + RANDOM.uniform(0.5, 5, (count, 2))], 1).astype("float32")


def written_out(kind, a, b):
    """The loss of one pair of boxes, in plain arithmetic."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    iou = shared / union
    wide, high = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    if kind is losses.GIoU:
        return 1 - iou + (wide * high - union) / (wide * high)
    apart = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    loss = 1 - iou + apart / (wide**2 + high**2)
    if kind is losses.CIoU:
        angles = [np.arctan((c[2] - c[0]) / (c[3] - c[1])) for c in (a, b)]
        v = 4 / np.pi**2 * (angles[0] - angles[1]) ** 2
        loss += v**2 / (1 - iou + v)
    return loss


@pytest.mark.parametrize("kind", KINDS)
def test_each_pair_has_the_loss_of_the_formula(kind):
    true, predicted = boxes(40), boxes(40)
    expected = [written_out(kind, a, b) for a, b in zip(true, predicted, strict=True)]
    np.testing.assert_allclose(kind(reduction=None)(true, predicted), expected, atol=1e-5)
    np.testing.assert_allclose(kind()(true, true), 0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_that_do_not_touch_attract_each_other(kind):
    true, predicted = tf.constant([[0.0, 0.0, 1.0, 1.0]]), tf.Variable([[3.0, 0.0, 4.0, 1.0]])
    with tf.GradientTape() as tape:
        loss = kind()(true, predicted)
    gradient = tape.gradient(loss, predicted)[0].numpy()
    assert gradient[0] + gradient[2] > 0  # a step against the gradient moves it to the left


@pytest.mark.parametrize("kind", KINDS)
def test_empty_boxes_have_finite_losses_and_gradients(kind):
    predicted = tf.Variable([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 1.0, 1.0]])
    with tf.GradientTape() as tape:
        loss = kind()(np.zeros((2, 4), "float32"), predicted)
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, predicted)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_loss_comes_back(kind):
    config = keras.saving.serialize_keras_object(kind(reduction="sum"))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is kind and again.reduction == "sum"


def test_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match=r"boxes of shape \(..., 4\)"):
        losses.GIoU()(np.ones((2, 3)), np.ones((2, 3)))


def test_ciou_equals_the_measure_of_keras():
    true, predicted = boxes(40), boxes(40)
    theirs = keras.utils.bounding_boxes.compute_ciou(true, predicted, "xyxy")
    np.testing.assert_allclose(1 - losses.CIoU(reduction=None)(true, predicted), theirs, atol=1e-5)
