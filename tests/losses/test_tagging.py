"""The loss of sequences of tags without transitions; tests/layers/test_crf.py has the others."""

import keras
import numpy as np
import pytest

from kerasdl import losses
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(3, 5, 4)).astype("float32")
TAGS = RANDOM.integers(4, size=(3, 5))


def test_each_sequence_has_the_sum_of_its_cross_entropies():
    of_steps = keras.ops.sparse_categorical_crossentropy(TAGS, LOGITS, from_logits=True)
    each = losses.TaggingLoss(reduction=None)(TAGS, LOGITS)
    np.testing.assert_allclose(each, np.sum(of_steps, axis=1), atol=1e-5)
    assert float(losses.TaggingLoss()(TAGS, LOGITS)) == pytest.approx(np.mean(each), abs=1e-5)


@pytest.mark.parametrize("named", ["by tags", "by a mask"])
def test_padding_does_not_count(named):
    real = np.arange(5) < np.array([[5], [3], [1]])
    logits = keras.ops.convert_to_tensor(LOGITS)
    tags = TAGS
    if named == "by tags":
        tags = np.where(real, TAGS, -1)
    else:
        logits._keras_mask = keras.ops.convert_to_tensor(real)
    each = losses.TaggingLoss(reduction=None)(tags, logits)
    for i, length in enumerate((5, 3, 1)):
        alone = losses.TaggingLoss()(TAGS[i : i + 1, :length], LOGITS[i : i + 1, :length])
        assert float(each[i]) == pytest.approx(float(alone), abs=1e-5)


def test_a_chain_without_transitions_has_the_loss_of_its_logits():
    potentials = np.broadcast_to(LOGITS[:, :, None], (3, 5, 4, 4))
    expected = losses.TaggingLoss(reduction=None)(TAGS, LOGITS)
    np.testing.assert_allclose(
        losses.TaggingLoss(reduction=None)(TAGS, potentials), expected, atol=1e-5
    )


def test_a_saved_loss_comes_back():
    config = keras.saving.serialize_keras_object(losses.TaggingLoss(reduction="sum"))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is losses.TaggingLoss and again.reduction == "sum"


def test_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match=r"\(batch, time\)"):
        losses.TaggingLoss()(np.zeros((3,)), LOGITS)
