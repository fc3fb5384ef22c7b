"""Strategies of generation by their definitions: penalties, stops, beams, drafts and streams."""

import itertools

import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence import decoding
from kerasdl.models.sequence.gpt import GPT
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel
from kerasdl.models.sequence.seq2seq import Seq2Seq
from kerasdl.models.sequence.transformer import Transformer

V, COUNT = 4, 3  # few enough to enumerate all texts
PROMPTS = np.array([[3, 1, 2], [2, 2, 1]])
SOURCES = np.array([[3, 1, 2, 0], [2, 2, 1, 3]])


def sharpened(model, scale=2.0):
    """Return a network whose logits differ more than those of a new one do."""
    rng = np.random.default_rng(2)
    changed = [w + (w.ndim > 1) * rng.normal(size=w.shape) * scale for w in model.get_weights()]
    model.set_weights(changed)
    return model


@pytest.fixture(scope="module")
def gpt():
    return sharpened(GPT(V, 16, 8, 1, 2), 1.0)


# XLA compiles the loops of language models, which takes longest
COMPILED = [pytest.param(name, marks=pytest.mark.slow) for name in ("gpt", "lstm")]


@pytest.fixture(scope="module", params=[*COMPILED, "transformer", "seq2seq"])
def model(request, gpt):
    makers = {
        "gpt": lambda: gpt,
        "lstm": lambda: sharpened(LSTMLanguageModel(V, width=6, depth=1)),
        "transformer": lambda: sharpened(Transformer(V, 8, 1, 2, 12), 0.3),
        "seq2seq": lambda: sharpened(Seq2Seq(V, 8)),
    }
    return makers[request.param]()


def asked(model):
    return SOURCES if len(model.inputs) == 2 else PROMPTS


def best_of_all(model, row, exponents):
    """Return the text with the largest score of all for each exponent, padded with 0, its end."""
    texts = np.array(list(itertools.product(range(V), repeat=COUNT)))
    texts = np.unique(np.where(np.cumsum(texts == 0, axis=1) - (texts == 0) > 0, 0, texts), axis=0)
    lengths = np.minimum((texts != 0).sum(axis=1) + 1, COUNT)
    before = np.tile([1] if len(model.inputs) == 2 else PROMPTS[row], (len(texts), 1))
    read = np.concatenate([before, texts[:, :-1]], axis=1)
    sources = np.tile(SOURCES[row], (len(texts), 1))
    logits = np.asarray(model([sources, read] if len(model.inputs) == 2 else read))[:, -COUNT:]
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    log_p = np.take_along_axis(log_p, texts[..., None], axis=-1)[..., 0]
    sums = (log_p * (np.arange(COUNT) < lengths[:, None])).sum(axis=1)
    return [texts[np.argmax(sums / lengths**exponent)] for exponent in exponents]


def test_wide_beams_find_the_best_of_all_texts(model):
    """Its score is log p / length^penalty, where the length counts the token that stops."""
    exponents = (0.0, 1.0, 3.0)
    options = {"beams": V**COUNT, "stop": [0]}
    written = [
        model.generate(asked(model), COUNT, length_penalty=exponent, **options)[:, -COUNT:]
        for exponent in exponents
    ]
    expected = [best_of_all(model, row, exponents) for row in (0, 1)]
    np.testing.assert_array_equal(np.swapaxes(written, 0, 1), expected)


def test_beams_without_a_cache_find_the_same_texts(model):
    options = {"beams": 3, "stop": [0], "repetition_penalty": 1.5}
    found = [model.generate(asked(model), 6, cache=cache, **options) for cache in (True, False)]
    np.testing.assert_array_equal(*found)


def beam_search(model, prompt, count, beams, exponent):
    """Return the text that beam search finds, by the published procedure; 0 stops."""
    going, ended = [((), 0.0)], []
    for _ in range(count):
        texts = np.array([[*prompt, *text] for text, _ in going])
        logits = np.asarray(model(texts), "float64")[:, -1]
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        scores = {
            (*text, token): score + terms[token]
            for (text, score), terms in zip(going, log_p, strict=True)
            for token in range(V)
        }
        ranked = sorted(scores.items(), key=lambda item: -item[1])[: 2 * beams]
        ended += [item for item in ranked[:beams] if item[0][-1] == 0]
        going = [item for item in ranked if item[0][-1] != 0][:beams]
    best = max(ended + going, key=lambda item: item[1] / len(item[0]) ** exponent)[0]
    return [*best, *[0] * (count - len(best))]


def test_narrow_beams_follow_the_procedure(gpt):
    for exponent in (0.0, 1.0):
        written = gpt.generate(PROMPTS, 6, beams=2, length_penalty=exponent, stop=[0])
        expected = [beam_search(gpt, prompt, 6, 2, exponent) for prompt in PROMPTS]
        np.testing.assert_array_equal(written[:, 3:], expected)


def test_a_penalty_of_repetitions_follows_its_definition():
    """Positive logits of tokens in the text are divided by it, negative ones multiplied."""
    logits = np.array([[2.0, -1.0, 0.5, -3.0], [1.0, 1.0, -2.0, 4.0]], "float32")
    tokens = np.array([[0, 1, 0, 3], [3, 3, 2, 0]])  # the last is padding
    found = decoding.penalize(logits, tokens, 3, 2.0)
    expected = [[1.0, -2.0, 0.5, -3.0], [1.0, 1.0, -4.0, 2.0]]
    np.testing.assert_array_equal(found, expected)


def test_a_penalty_changes_the_greedy_text_as_defined():
    words = 12  # enough for some that the text has not
    model = sharpened(GPT(words, 16, 8, 1, 2), 1.0)
    text = list(PROMPTS[0])
    for _ in range(8):
        logits = np.asarray(model(np.array([text])))[0, -1]
        seen = np.isin(np.arange(words), text)
        logits = np.where(seen, np.where(logits > 0, logits / 3, logits * 3), logits)
        text.append(int(logits.argmax()))
    options = {"temperature": 0, "repetition_penalty": 3.0}
    assert model.generate(PROMPTS[0], 8, **options).tolist() == text
    assert model.generate(PROMPTS[0], 8, temperature=0).tolist() != text


def test_a_stop_token_ends_a_text(gpt):
    free = gpt.generate(PROMPTS, 12, seed=1)
    for stop in ([1], [1, 2]):  # the prompts hold them too, and go on
        stopped, steps = gpt.generate(PROMPTS, 12, seed=1, stop=stop, return_steps=True)
        lengths = []
        for row, whole in zip(stopped[:, 3:], free[:, 3:], strict=True):
            ends = np.flatnonzero(np.isin(whole, stop))
            end = ends[0] if len(ends) else 11
            np.testing.assert_array_equal(row, [*whole[: end + 1], *[whole[end]] * (11 - end)])
            lengths.append(end + 1)
        assert steps == max(lengths)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 0.5, "seed": 5}])
def test_a_draft_does_not_change_the_text(gpt, options):
    draft = sharpened(GPT(V, 16, 4, 1, 1), 0.2)
    plain, steps = gpt.generate(PROMPTS, 12, return_steps=True, **options)
    assert steps == 12
    options |= {"guesses": 2, "return_steps": True}
    for helper, most in ((draft, 12), (gpt, 4)):  # by itself 3 tokens in each step
        written, steps = gpt.generate(PROMPTS, 12, draft=helper, **options)
        np.testing.assert_array_equal(written, plain)
        assert steps <= most


def test_drafts_serve_encoder_decoders_and_stops():
    model, draft = (sharpened(Transformer(V, width, 1, 2, 12), 0.3) for width in (8, 4))
    plain = model.generate(SOURCES, 10)
    for helper in (draft, model):
        written, steps = model.generate(SOURCES, 10, draft=helper, guesses=2, return_steps=True)
        np.testing.assert_array_equal(written, plain)
        assert steps <= 10
    assert steps <= 4  # 3 tokens in each


def test_a_stream_yields_what_generate_appends(model):
    """In an encoder-decoder a text ends with token 0, here also in a language model."""
    prompts, length = asked(model), 0 if len(model.inputs) == 2 else 3
    options = {"temperature": 1.0, "seed": 2, "stop": [0]}
    written = model.generate(prompts, 10, **options)[:, length:]
    streamed = np.stack(list(model.stream(prompts, 10, **options)), axis=1)
    np.testing.assert_array_equal(streamed, written[:, : streamed.shape[1]])
    assert (written[:, streamed.shape[1] :] == 0).all()
    single = list(model.stream(prompts[0], 5, temperature=0, stop=()))
    assert all(isinstance(token, int) for token in single) and len(single) == 5
    whole = model.generate(prompts[0], 5, temperature=0, stop=())
    assert single == whole[length:].tolist()


def test_a_stream_exceeds_the_context(gpt):
    streamed = list(gpt.stream(PROMPTS[0], 20, seed=3))
    assert streamed == gpt.generate(PROMPTS[0], 20, seed=3)[3:].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "`beams`. Expected a positive integer"),
        ({"beams": 2, "top_k": 3}, "`beams`. Expected 1 with `top_k` or `top_p`"),
        ({"beams": 2, "count": 14}, "within the context of 16 tokens. Received: 17 tokens"),
        ({"length_penalty": None}, "`length_penalty`"),
        ({"repetition_penalty": 0}, "`repetition_penalty`. Expected a number above 0"),
        ({"stop": [4]}, r"`stop`. Expected a list of tokens from 0 to 3. Received: \[4\]"),
        ({"stop": 2}, "`stop`"),
        ({"guesses": 0}, "`guesses`"),
        ({"return_steps": 1}, "`return_steps`"),
        ({"draft": "gpt"}, "`draft` for speculative decoding.*Received: 'gpt'"),
        ({"draft": LSTMLanguageModel}, "`draft` for speculative decoding"),
    ],
)
def test_impossible_requests_are_refused(gpt, options, message):
    with pytest.raises(InvalidInput, match=message):
        gpt.generate(PROMPTS, **{"count": 3, **options})


def test_unlike_drafts_are_refused(gpt):
    for draft, options, message in (
        (GPT(V + 1, 16, 4, 1, 1), {}, "1 inputs and 4 tokens"),
        (GPT(V, 8, 4, 1, 1), {"count": 10}, "context of 8 tokens. Received: 13"),
        (GPT(V, 16, 4, 1, 1), {"cache": False}, "`cache`"),
        (GPT(V, 16, 4, 1, 1), {"beams": 2}, "`beams`. Expected 1 with a `draft`"),
    ):
        with pytest.raises(InvalidInput, match=message):
            gpt.generate(PROMPTS, **{"count": 3, "draft": draft, **options})


def test_sources_are_checked():
    model = kerasdl.create_model("seq2seq_tiny", width=8)
    with pytest.raises(InvalidInput, match=r"source\. Expected tokens from 0 to 39"):
        model.generate([[40]], 3)
