"""Losses: formula against Keras."""

import keras
import numpy as np
import pytest

from kerasdl.formulas import losses


def test_binary_cross_entropy_is_what_keras_does():
    generator = np.random.default_rng(0)
    y, p = generator.integers(0, 2, 20), generator.random(20)
    expected = keras.losses.BinaryCrossentropy()(y.astype("float32"), p.astype("float32"))
    np.testing.assert_allclose(losses.binary_cross_entropy(y, p), expected, rtol=1e-5)


def test_a_sure_mistake_is_finite_in_float32_where_the_notes_clip_is_not():
    y, p = np.float32([0.0]), np.float32([1.0])
    assert 15 < losses.binary_cross_entropy(y, p) < 17
    with np.errstate(divide="ignore"):
        assert not np.isfinite(losses.binary_cross_entropy(y, p, epsilon=np.float32(1e-15)))


def test_cross_entropy_is_what_keras_does():
    generator = np.random.default_rng(0)
    y, p = generator.integers(0, 3, (4, 5)), generator.dirichlet(np.ones(3), (4, 5))
    expected = keras.losses.SparseCategoricalCrossentropy()(y, p.astype("float32"))
    np.testing.assert_allclose(losses.cross_entropy(y, p), expected, rtol=1e-5)


def test_guessing_among_equals_has_their_number_as_perplexity():
    nats = losses.cross_entropy(np.array([0, 3]), np.full((2, 7), 1 / 7))
    assert losses.perplexity(nats) == pytest.approx(7)
