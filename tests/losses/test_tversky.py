"""The Tversky loss equals its formula."""

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


def test_keras_weighs_false_negatives_by_alpha():
    y = (RANDOM.random(50) > 0.5).astype("float32")
    p = RANDOM.random(50).astype("float32")
    theirs = keras.losses.Tversky(alpha=0.3, beta=0.7)(y, p)
    np.testing.assert_allclose(losses.Tversky(alpha=0.7, beta=0.3)(y, p), theirs, rtol=1e-5)
