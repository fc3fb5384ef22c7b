"""Generation: the cache does not change the text, a seed repeats it, traces are reused."""

import time

import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.gpt import GPT
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel

PROMPT = np.random.default_rng(0).integers(50, size=(2, 5))
# one shape and few options, because each new one is traced again
GREEDY, SAMPLED = {"temperature": 0}, {"top_k": 20, "top_p": 0.9}


@pytest.fixture(scope="module")
def lstm():
    return LSTMLanguageModel(61, width=24, depth=2)


@pytest.fixture(params=["gpt", "llama", "lstm"])
def model(request, gpt2_tiny, llama_tiny, lstm):
    return {"gpt": gpt2_tiny[0], "llama": llama_tiny[0], "lstm": lstm}[request.param]


@pytest.mark.parametrize(("fixture", "prefix"), [("gpt2_tiny", ""), ("llama_tiny", "llama.")])
def test_greedy_text_equals_transformers(fixture, prefix, request):
    model, reference = request.getfixturevalue(fixture)
    written = model.generate(reference["ids"][:, :4], 40, temperature=0)
    np.testing.assert_array_equal(written[:1, :12], reference[f"{prefix}greedy"])


@pytest.mark.parametrize("options", [GREEDY, SAMPLED])
def test_the_cache_does_not_change_the_tokens(model, options):
    """40 tokens also exceed the transformers' context of 16."""
    with_cache, without = (
        model.generate(PROMPT, 40, seed=3, cache=cache, **options) for cache in (True, False)
    )
    np.testing.assert_array_equal(with_cache, without)
    np.testing.assert_array_equal(with_cache[:, :5], PROMPT)
    assert with_cache.shape == (2, 45)


@pytest.mark.rows("TRF-36", "OTH-17")
@pytest.mark.parametrize("length", [5, 20])
def test_greedy_text_equals_a_loop_over_the_largest_logits(model, length):
    """Each call reads all tokens so far; of a transformer, the last `context` ones."""
    expected = np.resize(PROMPT, (2, length))
    written = model.generate(expected, 14, temperature=0)
    for _ in range(14):
        logits = np.array(model(expected[:, -(model.horizon or 0) :]))
        expected = np.append(expected, logits[:, -1:].argmax(-1), axis=1)
    np.testing.assert_array_equal(written, expected)


def test_the_same_seed_generates_the_same_text(model):
    one, again, other = (model.generate(PROMPT, 40, seed=seed, **SAMPLED) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)


def test_a_single_prompt_gives_a_single_text(lstm):
    assert lstm.generate(PROMPT[0], 10, temperature=0).shape == (15,)


def test_prompts_of_similar_lengths_share_one_trace(model):
    model.generate(PROMPT, 40, **SAMPLED)
    traces = model._write.experimental_get_tracing_count()
    for length, temperature, top_p in ((2, 0.7, 0.5), (9, 1.3, 0.8), (16, 1.1, 0.95)):
        prompt = np.resize(PROMPT + 3, (2, length))
        model.generate(prompt, 35, temperature, top_k=SAMPLED["top_k"], top_p=top_p, seed=length)
    assert model._write.experimental_get_tracing_count() == traces


def test_the_cache_is_faster():
    model = GPT(61, 128, 64, 2, 2)

    def seconds(cache):
        model.generate(PROMPT, 120, temperature=0, cache=cache)
        start = time.perf_counter()
        model.generate(PROMPT, 120, temperature=0, cache=cache)
        return time.perf_counter() - start

    assert seconds(cache=True) < 0.5 * seconds(cache=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": []}, "at least one token"),
        ({"prompt": [0.5]}, "at least one token, as integers"),
        ({"prompt": [61]}, "tokens from 0 to 60. Received: tokens from 61 to 61"),
        ({"count": 0}, "`count`. Expected a positive integer. Received: 0"),
        ({"temperature": -1}, "`temperature`. Expected a number at least 0"),
        ({"temperature": float("inf")}, "`temperature`"),
        ({"count": "3"}, "`count`"),
        ({"count": 10**12}, "`count`. Expected a positive integer, at most 1000000"),
        ({"seed": -1}, "`seed`"),
        ({"cache": 1}, "`cache`"),
        ({"top_k": 0}, "`top_k`. Expected a positive integer"),
        ({"top_p": 1.5}, "`top_p`. Expected a number above 0 and at most 1 or None"),
    ],
)
def test_invalid_arguments_are_refused(lstm, options, message):
    with pytest.raises(InvalidInput, match=message):
        lstm.generate(**{"prompt": [1], "count": 3, **options})
