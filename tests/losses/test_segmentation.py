"""Tversky and the weights of borders equal their formulas."""

import keras
import numpy as np
import pytest

from kerasdl import losses
from kerasdl.errors import InvalidInput
from kerasdl.formulas import segmentation

RANDOM = np.random.default_rng(0)


def test_equal_weights_give_the_dice_loss():
    y = (RANDOM.random((2, 5, 5)) > 0.5).astype("float32")
    p = RANDOM.random((2, 5, 5)).astype("float32")
    np.testing.assert_allclose(losses.Tversky()(y, p), segmentation.dice_loss(y, p), rtol=1e-5)


def test_alpha_weighs_false_positives_and_beta_false_negatives():
    y, p = np.array([1.0, 1, 0, 0, 0]), np.array([1.0, 0, 1, 1, 0])  # TP 1, FP 2, FN 1
    assert float(losses.Tversky(0.25, 1.0)(y, p)) == pytest.approx(1 - 1 / (1 + 0.5 + 1))
    assert float(losses.Tversky(1.0, 0.25)(y, p)) == pytest.approx(1 - 1 / (1 + 2 + 0.25))


def test_axes_keep_examples_apart():
    y = (RANDOM.random((3, 4, 4)) > 0.5).astype("float32")
    p = RANDOM.random((3, 4, 4)).astype("float32")
    loss = losses.Tversky(0.3, 0.7, axis=(1, 2), reduction=None)
    expected = [float(losses.Tversky(0.3, 0.7)(a, b)) for a, b in zip(y, p, strict=True)]
    np.testing.assert_allclose(loss(y, p), expected, rtol=1e-5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    np.testing.assert_array_equal(again(y, p), loss(y, p))


@pytest.mark.parametrize("bad", [{"alpha": -1}, {"beta": float("nan")}, {"smooth": "1"}])
def test_bad_weights_are_refused(bad):
    with pytest.raises(InvalidInput, match=f"`{next(iter(bad))}`"):
        losses.Tversky(**bad)


def test_shapes_must_agree():
    with pytest.raises(InvalidInput, match="shape of `y_pred`"):
        losses.Tversky()(np.ones((2, 3)), np.ones((2, 4)))


def test_weights_are_largest_where_objects_nearly_touch():
    instances = np.zeros((9, 20), int)
    instances[2:7, 2:8], instances[2:7, 10:16] = 1, 2
    weights = losses.boundary_weights(instances, balance=False)
    assert (weights[instances > 0] == 1).all()
    # the pixel in column 8 is 1 from the first object and 2 from the second
    assert weights[4, 8] == pytest.approx(1 + 10 * np.exp(-((1 + 2) ** 2) / 50))
    assert weights.max() == weights[4, 9] > 5 > weights[0, 0]


def test_balanced_weights_have_equal_sums():
    instances = np.zeros((8, 8), int)
    instances[:2] = 1
    weights = losses.boundary_weights(instances)
    assert weights[instances == 1].sum() == pytest.approx(weights[instances == 0].sum())


def test_one_object_or_none_has_no_borders():
    one = np.pad(np.ones((2, 2), int), 2)
    for instances in (one, np.zeros((3, 3), int)):
        assert (losses.boundary_weights(instances, balance=False) == 1).all()


def test_masks_of_probabilities_are_refused():
    with pytest.raises(InvalidInput, match="integers of shape"):
        losses.boundary_weights(np.zeros((4, 4)))
