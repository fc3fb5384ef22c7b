"""The text classifier ignores padding, whatever its cell and pooling, and sees the order."""

import itertools

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.text_classifier import CELLS, POOLINGS, TextClassifier

RANDOM = np.random.default_rng(0)


@pytest.mark.rows("RNN-14", "RNN-25")
@pytest.mark.parametrize(
    ("cell", "pooling", "bidirectional"), list(itertools.product(CELLS, POOLINGS, [False, True]))
)
def test_padding_does_not_change_the_logits(cell, pooling, bidirectional):
    options = {"cell": cell, "pooling": pooling, "bidirectional": bidirectional}
    model = TextClassifier(20, 3, width=8, depth=2, **options)
    tokens = RANDOM.integers(1, 20, size=(2, 6)).astype("int32")
    padded = np.pad(tokens, [(0, 0), (0, 4)])
    assert model(tokens).shape == (2, 3)
    np.testing.assert_allclose(model(padded), model(tokens), atol=1e-6)


@pytest.mark.rows("RNN-20")
def test_parameters_follow_the_formula():
    v, k, d = 50, 3, 12
    lstm = 4 * (d // 2 * (d + d // 2) + d // 2)  # of each direction
    assert TextClassifier(v, k, width=d).count_params() == v * d + 2 * lstm + (d + 1) * k


def test_the_order_of_words_is_learned():
    tokens = np.array([[1, 2, 3, 0], [2, 1, 3, 0]] * 8, "int32")
    labels = np.arange(16) % 2
    model = TextClassifier(4, 2, width=16, dropout=0.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    model.fit(tokens, labels, epochs=40, verbose=0)
    assert (np.argmax(model(tokens), -1) == labels).all()


@pytest.mark.parametrize(
    ("options", "named"), [({"cell": "rnn"}, "`cell`"), ({"pooling": "sum"}, "`pooling`")]
)
def test_wrong_options_are_named(options, named):
    with pytest.raises(InvalidInput, match=named):
        TextClassifier(**options)
