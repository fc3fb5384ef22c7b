"""Decoding: top-k and top-p filters, greedy choice, and the distribution of samples."""

import pathlib

import numpy as np
import pytest
from keras import ops

from kerasdl.models.sequence import decoding

REFERENCE = np.load(pathlib.Path(__file__).parents[2] / "reference" / "sampling_filters.npz")
LOGITS = REFERENCE["logits"]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_top_k_equals_transformers():
    np.testing.assert_array_equal(decoding.keep_top_k(LOGITS, 4), REFERENCE["topk4"])


def test_top_p_equals_transformers():
    np.testing.assert_array_equal(decoding.keep_top_p(LOGITS, 0.8), REFERENCE["topp08"])


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.95, 1.0])
def test_top_p_keeps_the_fewest_tokens_that_reach_p(p):
    kept = np.isfinite(decoding.keep_top_p(LOGITS, p))
    for probabilities, keep in zip(softmax(LOGITS), kept, strict=True):
        ordered = np.sort(probabilities)[::-1]
        fewest = 1 + np.argmax(np.cumsum(ordered) >= p - 1e-6)
        assert keep.sum() == fewest
        assert probabilities[keep].min() > np.max(probabilities[~keep], initial=0)


@pytest.mark.parametrize("options", [(None, None, None), (1.0, 1, None), (1.0, None, 1e-6)])
def test_greedy_options_choose_the_largest_logit(options):
    chosen = decoding.choose(LOGITS, *options, seed=(0, 0))
    np.testing.assert_array_equal(chosen, LOGITS.argmax(-1))


@pytest.mark.rows("TRF-37", "TRF-38", "E-15")
@pytest.mark.parametrize(("top_k", "top_p"), [(None, None), (2, None), (None, 0.8)])
def test_samples_follow_the_softmax_at_a_temperature(top_k, top_p):
    logits, temperature, count = np.array([2, 1, 0.1, -1], "float32"), 2.0, 40_000
    draws = decoding.choose(np.tile(logits, (count, 1)), temperature, top_k, top_p, seed=(1, 2))
    expected = softmax(logits / temperature)
    kept = {(None, None): 4, (2, None): 2, (None, 0.8): 3}[top_k, top_p]
    expected = np.where(np.arange(4) < kept, expected, 0) / expected[:kept].sum()
    frequencies = np.bincount(draws, minlength=4) / count
    np.testing.assert_allclose(frequencies, expected, atol=0.01)
    assert np.all(frequencies[kept:] == 0)


def test_samples_repeat_with_the_seed():
    many = ops.zeros((1000, 4))
    one, again, other = (
        np.array(decoding.choose(many, 1.0, None, None, seed)) for seed in ((3, 7), (3, 7), (3, 8))
    )
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)
