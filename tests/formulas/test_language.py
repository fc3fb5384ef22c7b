"""Masking, sampling and generation of language models, compared with Keras and the package."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import activations, language
from kerasdl.models.sequence import decoding


def test_masking_has_the_fractions_of_bert(same):
    count = 20_000
    uniform = (np.arange(count) + 0.5) / count
    tokens, random = np.full(count, 7), np.full(count, 3)
    inputs, chosen = language.mask_tokens(tokens, uniform, 0, random)
    fractions = [np.mean(inputs == 0), np.mean(inputs == 3), np.mean(chosen & (inputs == 7))]
    name = "12 %, 1.5 % and 1.5 % of tokens"
    same(language.mask_tokens, name, fractions, [0.12, 0.015, 0.015])
    assert np.all(inputs[~chosen] == 7)


def test_masked_loss_equals_keras_with_sample_weights(same):
    generator = np.random.default_rng(0)
    tokens, p = generator.integers(0, 5, (4, 6)), generator.dirichlet(np.ones(5), (4, 6))
    chosen = generator.random((4, 6)) < 0.4
    ours = language.masked_cross_entropy(tokens, p, chosen)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum", dtype="float64")
    theirs = loss(tokens, p, sample_weight=chosen.astype(float)) / chosen.sum()
    name = "keras.losses.SparseCategoricalCrossentropy"
    same(language.masked_cross_entropy, name, ours, theirs)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_sampling_equals_the_package(temperature, same):
    logits = np.random.default_rng(0).normal(size=(64, 9)).astype("float32")
    seed = (3, 4)
    theirs = decoding.choose(logits, temperature, None, None, seed)
    uniform = tf.random.stateless_uniform((64, 9), seed, minval=1e-20, alg="philox").numpy()
    ours = language.choose(logits, uniform, temperature)
    same(language.choose, "kerasdl.models.sequence.decoding.choose", ours, theirs, at_most=0)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_samples_follow_the_softmax(temperature):
    z = np.array([2.0, 1.0, 0.1])
    drawn = language.choose(z, np.random.default_rng(0).random((10_000, 3)), temperature)
    frequencies = np.bincount(drawn, minlength=3) / 10_000
    np.testing.assert_allclose(frequencies, activations.softmax(z, temperature), atol=0.02)


def test_a_temperature_near_0_takes_the_most_likely_token():
    z = np.random.default_rng(0).normal(size=(50, 7))
    uniform = np.random.default_rng(1).random((50, 7))
    np.testing.assert_array_equal(language.choose(z, uniform, 1e-4), z.argmax(-1))
