"""Generate text: predict a token, append it, repeat."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import ArrayLike

from kerasdl.errors import InvalidInput
from kerasdl.models.sequence import decoding
from kerasdl.utils import checks

MOST_TOKENS = 1_000_000  # at a millisecond each, a quarter of an hour
START = 1  # the token that the target of an encoder-decoder begins with


def generate(
    model: keras.Model,
    prompt: ArrayLike,
    count: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    cache: bool = True,
    repetition_penalty: float | None = None,
    stop: Sequence[int] = (),
    beams: int = 1,
    length_penalty: float = 1.0,
    draft: keras.Model | None = None,
    guesses: int = 4,
    return_steps: bool = False,
) -> Any:
    """Continue `prompt` by `count` tokens; the same seed generates the same text.

    The whole loop is one compiled function. The first call for a model compiles it, which took 5 to
    15 seconds for `gpt_tiny` and `gpt2` on two busy cores. Further prompts reuse it: lengths are
    rounded up to powers of two, and only another `top_k` compiles it again. Beyond a transformer's
    context each token is predicted from the last `context` tokens without a cache, which is slower.

    An encoder-decoder reads the prompt as its source and generates the target. Its loop is traced
    for each shape of sources.

    Args:
        model: keras.Model, a language model or an encoder-decoder of this folder.
        prompt: integer array (time,) or (batch, time), at least one token.
        count: int, number of tokens to generate, at most 1,000,000.
        temperature: float, divides the logits. Below 1, probable tokens become more probable; 0
            always chooses the most probable one.
        top_k: int, sample only from this many most probable tokens; by default from all.
        top_p: float, sample only from the fewest tokens whose probabilities sum to this; by default
            from all.
        seed: int, seed of the random numbers.
        cache: bool, whether to keep keys and values (transformers) or the state (recurrent
            networks) from token to token. Without it the result is the same, but each token costs a
            pass over the whole text.
        repetition_penalty: float, divides the positive logits of tokens that the text already has,
            and multiplies the negative ones; above 1 they become less probable.
        stop: Tokens that end a text. The rest of it repeats the one that ended it.
        beams: int, number of texts that beam search continues at a time. With more than one,
            nothing is sampled: of the texts found, the one with the largest score
            log p(text) / length^length_penalty is returned.
        length_penalty: float, exponent of the length, which counts generated tokens up to the one
            that stops; above 0 it favors longer texts.
        draft: keras.Model, a smaller network of the same kind and vocabulary that guesses tokens,
            which `model` then confirms or corrects, several in one step (speculative decoding). The
            text is the same as without it.
        guesses: int, tokens that `draft` guesses at a time.
        return_steps: bool, whether to return the number of steps of `model`, too: its passes after
            that over the prompt, or over the source.

    Returns:
        Integer array, the prompt and its continuation: (time + count,) or (batch, time + count). Of
        an encoder-decoder the target alone, (count,) or (batch, count). With `return_steps` a tuple
        of it and an int.

    Reference: Leviathan, Kalman, Matias (2023), Fast Inference from Transformers via Speculative
    Decoding; Keskar et al. (2019), CTRL, for the penalty of repetitions.
    """
    asked = _Request(
        model, prompt, count, temperature, top_k, top_p, seed, cache, repetition_penalty, stop
    )
    checks.integers(beams=beams, guesses=guesses, limit=1000)
    checks.numbers(at_least=-100, at_most=100, length_penalty=length_penalty)
    checks.flags(return_steps=return_steps)
    beams, guesses, end = int(beams), int(guesses), asked.end
    if beams > 1:
        checks.check("beams", beams, draft is None, "1 with a `draft`")
        given = top_k is not None or top_p is not None
        checks.check("beams", beams, not given, "1 with `top_k` or `top_p`")
        asked.check_context(model, "beam search")
        tokens, position = _compiled(model, _search)(
            *asked.text, asked.rules, tf.constant(length_penalty, "float32"),
            size=_bucket(end), cache=asked.cache, beams=beams, stops=len(asked.stop),
        )  # fmt: skip
        steps = int(position) - asked.length + 1
    elif draft is not None:
        _check_draft(model, draft, asked)
        tokens, steps = _compiled(model, _speculate)(
            *asked.text, asked.rules, draft=draft,
            top_k=asked.top_k, size=_bucket(end + guesses), guesses=guesses,
        )  # fmt: skip
    else:
        size = _bucket(end)
        tokens, position = _compiled(model, _write)(
            *asked.text, asked.rules, top_k=asked.top_k, size=size, cache=asked.cache
        )
        steps = int(position) - asked.length + 1
    written = asked.shaped(tokens.numpy())
    return (written, int(steps)) if return_steps else written


def stream(
    model: keras.Model,
    prompt: ArrayLike,
    count: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    cache: bool = True,
    repetition_penalty: float | None = None,
    stop: Sequence[int] = (),
) -> Iterator[Any]:
    """Yield the tokens that `generate` would append, each as soon as it is chosen.

    It ends after `count` tokens, or as soon as every text has a token of `stop`.

    Args:
        model, prompt, count: As in `generate`.
        temperature, top_k, top_p, seed, cache, repetition_penalty, stop: As in `generate`.

    Yields:
        An int for a prompt (time,), an array (batch,) for prompts (batch, time).
    """
    asked = _Request(
        model, prompt, count, temperature, top_k, top_p, seed, cache, repetition_penalty, stop
    )
    return _streamed(model, asked)


def _streamed(model, asked):
    source, prompt, length, _ = asked.text
    options = {"size": _bucket(asked.end), "cache": asked.cache}
    position, tokens, ended, state = _compiled(model, _begin)(source, prompt, length, **options)
    advance = _compiled(model, _advance)
    last = None
    for until in range(asked.length, asked.end):
        position, tokens, ended, state = advance(
            source, length, tf.constant(until + 1), asked.rules, position, tokens, ended, state,
            top_k=asked.top_k, **options,
        )  # fmt: skip
        chosen = tokens[:, until].numpy()
        if last is not None:
            chosen = np.where(np.isin(last, asked.stop), last, chosen)
        last = chosen
        yield chosen if asked.batched else int(chosen[0])
        if np.all(np.isin(last, asked.stop)):
            return


class _Request:
    """The checked arguments, in the form that the compiled functions take."""

    def __init__(self, model, prompt, count, temperature, top_k, top_p, seed, cache, penalty, stop):
        vocabulary_size = model.output_shape[-1]
        translates = len(model.inputs) == 2
        prompt = _checked_prompt(prompt, vocabulary_size, "source" if translates else "prompt")
        checks.integers(count=count, limit=MOST_TOKENS)
        checks.numbers(at_least=0, limit=1e6, temperature=temperature)
        checks.integers(top_k=top_k, optional=True)
        checks.numbers(above=0, at_most=1, top_p=top_p, optional=True)
        checks.integers(at_least=0, below=2**31, seed=seed)
        checks.flags(cache=cache)
        checks.numbers(above=0, limit=1e6, repetition_penalty=penalty, optional=True)
        stop = checks.plain(stop.tolist() if isinstance(stop, np.ndarray) else stop)
        tokens = isinstance(stop, (list, tuple)) and all(
            checks.is_integer(token, 0) and token < vocabulary_size for token in stop
        )
        checks.check("stop", stop, tokens, f"a list of tokens from 0 to {vocabulary_size - 1}")

        self.stop, self.batched, self.translates = sorted(set(stop)), prompt.ndim == 2, translates
        self.cache, self.top_k = bool(cache), top_k and min(int(top_k), vocabulary_size)
        texts = np.atleast_2d(prompt)
        source = tf.constant(texts) if translates else None
        if translates:
            texts = np.full((len(texts), 1), START, "int32")
        self.length = texts.shape[1]
        self.end = self.length + int(count)
        padded = np.pad(texts, [(0, 0), (0, _bucket(self.length) - self.length)])
        numbers = [tf.constant(number, "int32") for number in (self.length, self.end, int(seed))]
        self.text = (source, tf.constant(padded), *numbers[:2])
        stops = np.zeros(vocabulary_size, bool)
        stops[self.stop] = True
        self.rules = {
            "temperature": _number(temperature or None),
            "top_p": _number(top_p),
            "penalty": _number(penalty),
            "seed": numbers[2],
            "stops": tf.constant(stops),
        }

    def check_context(self, model, what):
        """Check that prompt and continuation fit into the context of a transformer."""
        if model.horizon is not None and self.end > model.horizon:
            expected = f"prompt and `count` within the context of {model.horizon} tokens"
            raise InvalidInput(f"prompt for {what}", expected, f"{self.end} tokens")

    def shaped(self, tokens):
        """Return the text of `tokens` (batch, size), without what follows a token that stops."""
        tokens, new = tokens[:, : self.end], tokens[:, self.length : self.end]
        stops = np.isin(new, self.stop)
        first = np.where(stops.any(axis=1), stops.argmax(axis=1), new.shape[1] - 1)[:, None]
        place = np.minimum(np.arange(new.shape[1]), first)
        tokens[:, self.length :] = np.take_along_axis(new, place, axis=1)
        tokens = tokens[:, self.length :] if self.translates else tokens
        return tokens if self.batched else tokens[0]


def _number(value):
    return None if value is None else tf.constant(value, "float32")


def _checked_prompt(prompt, vocabulary_size, name) -> np.ndarray:
    prompt = np.asarray(prompt)
    if prompt.ndim not in (1, 2) or not prompt.size or prompt.dtype.kind not in "iu":
        received = f"shape {prompt.shape} of {prompt.dtype}"
        raise InvalidInput(name, "at least one token, as integers", received)
    if prompt.min() < 0 or prompt.max() >= vocabulary_size:
        expected = f"tokens from 0 to {vocabulary_size - 1}"
        raise InvalidInput(name, expected, f"tokens from {prompt.min()} to {prompt.max()}")
    return prompt.astype("int32")


def _check_draft(model, draft, asked):
    wanted = "a network whose cache can forget, as that of a transformer"
    for name, network in (("model", model), ("draft", draft)):
        holds = getattr(network, "rewinds", False)
        shown = network.name if isinstance(network, keras.Model) else checks.shown(network)
        if not holds:
            raise InvalidInput(f"`{name}` for speculative decoding", wanted, shown)
    vocabulary_size, inputs = model.output_shape[-1], len(model.inputs)
    if (draft.output_shape[-1], len(draft.inputs)) != (vocabulary_size, inputs):
        expected = f"{inputs} inputs and {vocabulary_size} tokens, as `{model.name}` has"
        received = f"{len(draft.inputs)} and {draft.output_shape[-1]}"
        raise InvalidInput("`draft`", expected, received)
    if not asked.cache:
        raise InvalidInput("value for argument `cache`", "True with a `draft`", "False")
    for network in (model, draft):
        asked.check_context(network, "speculative decoding")


def _bucket(length):
    """Return the smallest power of two, at least 16, that is not below `length`."""
    return max(16, 1 << (length - 1).bit_length())


def _compiled(model, function):
    """Return `function` of a model, compiled once; by XLA if prompts share few shapes."""
    name = function.__name__
    if not hasattr(model, name):
        xla = len(model.inputs) == 1  # for each shape of sources it would compile too long
        compiled = tf.function(functools.partial(function, model), autograph=False, jit_compile=xla)
        object.__setattr__(model, name, compiled)  # not tracked by Keras
    return getattr(model, name)


def _begin(model, source, prompt, length, size, cache, room=None):
    """Return the position, the tokens (batch, size), which texts ended, and the model's state.

    The first `length` tokens of the prompt are text, the rest is padding.
    """
    tokens = tf.pad(prompt, [(0, 0), (0, size - prompt.shape[1])])
    horizon = min(size, model.horizon or size)
    position, state = length - 1, ()
    if cache and source is None:
        state, position = model.begin(prompt[:, :horizon], length, room or horizon)
    elif cache:
        state, position = model.begin(source, room or horizon), 0
    return tf.convert_to_tensor(position), tokens, tf.zeros(tokens.shape[0], "bool"), state


def _choose(logits, tokens, position, rules, top_k):
    """Return the tokens (batch,) after `position`, for their logits (batch, vocabulary)."""
    if rules["penalty"] is not None:
        logits = decoding.penalize(logits, tokens, position + 1, rules["penalty"])
    seeds = tf.stack([rules["seed"], position])
    chosen = decoding.choose(logits, rules["temperature"], top_k, rules["top_p"], seeds)
    return tf.cast(chosen, tokens.dtype)


def _read(model, source, tokens, position, horizon):
    """Return the logits (batch, vocabulary) after `position` by a pass over all tokens so far."""
    start = tf.maximum(0, position + 1 - horizon)
    text = ops.slice(tokens, (0, start), (tokens.shape[0], horizon))
    logits = model(text) if source is None else model([source, text])
    return logits[:, position - start]


def _advance(model, source, length, end, rules, position, tokens, ended, state, top_k, size, cache):
    """Write tokens up to `end`, or until all texts have ended."""
    horizon = min(size, model.horizon or size)

    def append(position, tokens, ended, logits):
        """Write the token after `position`, unless the prompt has one there."""
        chosen = _choose(logits, tokens, position, rules, top_k)
        is_new = position + 1 >= length
        token = tf.where(is_new, chosen, tokens[:, position + 1])
        ended = ended | (is_new & tf.gather(rules["stops"], token))
        return position + 1, ops.slice_update(tokens, (0, position + 1), token[:, None]), ended

    def step(position, tokens, ended, state):
        logits, state = model.step(tokens[:, position, None], state, position)
        return *append(position, tokens, ended, logits[:, 0]), state

    def reread(position, tokens, ended):
        return append(position, tokens, ended, _read(model, source, tokens, position, horizon))

    def goes_on(last):
        return lambda position, tokens, ended, *_: (position < last) & ~tf.reduce_all(ended)

    if cache:
        begun = [position, tokens, ended, state]
        position, tokens, ended, state = tf.while_loop(
            goes_on(tf.minimum(end - 1, horizon)), step, begun
        )
    if size > horizon or not cache:
        begun = [position, tokens, ended]
        position, tokens, ended = tf.while_loop(goes_on(end - 1), reread, begun)
    return position, tokens, ended, state


def _write(model, source, prompt, length, end, rules, top_k, size, cache):
    """Continue a prompt up to `end`; return the tokens and the last position."""
    begun = _begin(model, source, prompt, length, size, cache)
    position, tokens, *_ = _advance(
        model, source, length, end, rules, *begun, top_k=top_k, size=size, cache=cache
    )
    return tokens, position


def _speculate(model, source, prompt, length, end, rules, draft, top_k, size, guesses):
    """Continue a prompt; return the tokens and the number of steps of `model`.

    The noise of a sampled token depends on its position alone, so that model and draft choose the
    same token if their logits agree. Texts of a batch go on together, by the fewest right guesses.
    """
    begin = functools.partial(_begin, size=size, cache=True, room=size)
    position, tokens, ended, state = begin(model, source, prompt, length)
    *_, own = begin(draft, source, prompt, length)
    batch = tokens.shape[0]

    def round(position, tokens, ended, state, own, steps):
        for i in range(guesses + 1):  # the last step only fills the cache
            logits, own = draft.step(tokens[:, position + i, None], own, position + i)
            if i < guesses:
                token = _choose(logits[:, 0], tokens, position + i, rules, top_k)
                tokens = ops.slice_update(tokens, (0, position + i + 1), token[:, None])
        read = ops.slice(tokens, (0, position), (batch, guesses + 1))
        logits, state = model.step(read, state, position)
        chosen = [
            _choose(logits[:, i], tokens, position + i, rules, top_k) for i in range(guesses + 1)
        ]
        chosen = tf.stack(chosen, axis=1)
        same = tf.cast((chosen[:, :-1] == read[:, 1:]) | ended[:, None], "int32")
        right = tf.reduce_min(tf.reduce_sum(tf.math.cumprod(same, axis=1), axis=1))
        tokens = ops.slice_update(tokens, (0, position + 1), chosen)
        kept = tf.range(guesses + 1) <= right
        stops = tf.reduce_any(tf.gather(rules["stops"], chosen) & kept, axis=1)
        return position + right + 1, tokens, ended | stops, state, own, steps + 1

    _, tokens, *_, steps = tf.while_loop(
        lambda position, tokens, ended, *_: (position < end - 1) & ~tf.reduce_all(ended),
        round,
        [position, tokens, ended, state, own, tf.constant(0)],
    )
    return tokens, steps


def _search(model, source, prompt, length, end, rules, exponent, size, cache, beams, stops):
    """Return the tokens (batch, size) that beam search finds, and the last position."""
    options = {"size": size, "cache": cache}
    begun = _begin(model, source, prompt, length, **options)
    # recurrent networks have not read the prompt yet
    position, tokens, _, state = _advance(
        model, source, length, length, rules, *begun, top_k=None, **options
    )
    batch, vocabulary_size = tokens.shape[0], model.output_shape[-1]
    considered = min(beams * (1 + stops), beams * vocabulary_size)
    horizon = min(size, model.horizon or size)
    first = tf.range(batch)[:, None] * beams  # the row of the first beam of each text

    def scored(sums, count):
        return sums / tf.cast(count, "float32") ** exponent

    def step(position, tokens, state, sums, best, best_tokens):
        if cache:
            logits, state = model.step(tokens[:, position, None], state, position)
            logits = logits[:, 0]
        else:
            logits = _read(model, source, tokens, position, horizon)
        if rules["penalty"] is not None:
            logits = decoding.penalize(logits, tokens, position + 1, rules["penalty"])
        log_p = tf.reshape(tf.nn.log_softmax(tf.cast(logits, "float32")), (batch, beams, -1))
        sums = tf.reshape(sums[:, :, None] + log_p, (batch, -1))
        sums, index = tf.math.top_k(sums, considered)
        parents, token = index // vocabulary_size + first, index % vocabulary_size
        is_stop = tf.gather(rules["stops"], token)

        # texts that end here, if they are among the best
        among = tf.range(considered) < beams
        final = tf.where(is_stop & among, scored(sums, position + 2 - length), -np.inf)
        winner = tf.argmax(final, axis=1, output_type="int32")[:, None]
        text = tf.gather(tokens, tf.gather(parents, winner, batch_dims=1)[:, 0])
        last = tf.gather(token, winner, batch_dims=1)
        text = ops.slice_update(text, (0, position + 1), last)
        score = tf.reduce_max(final, axis=1)
        best_tokens = tf.where((score > best)[:, None], text, best_tokens)
        best = tf.maximum(score, best)

        # texts that go on
        sums, places = tf.math.top_k(tf.where(is_stop, -np.inf, sums), beams)
        rows = tf.reshape(tf.gather(parents, places, batch_dims=1), (-1,))
        token = tf.reshape(tf.gather(token, places, batch_dims=1), (-1, 1))
        tokens = ops.slice_update(tf.gather(tokens, rows), (0, position + 1), token)
        state = tf.nest.map_structure(lambda part: tf.gather(part, rows), state)
        return position + 1, tokens, state, sums, best, best_tokens

    def goes_on(position, tokens, state, sums, best, best_tokens):
        """Return whether a text that goes on can still exceed the best that ended."""
        longest = tf.where(exponent > 0, end - length, position + 2 - length)
        return (position < end - 1) & tf.reduce_any(scored(sums[:, 0], longest) > best)

    sums = tf.tile(tf.where(tf.range(beams) == 0, 0.0, -np.inf)[None], (batch, 1))
    wide = [
        tf.repeat(tokens, beams, axis=0),
        tf.nest.map_structure(lambda part: tf.repeat(part, beams, axis=0), state),
    ]
    source = None if source is None else tf.repeat(source, beams, axis=0)
    position, running, _, sums, best, tokens = tf.while_loop(
        goes_on, step, [position, *wide, sums, tf.fill((batch,), -np.inf), tokens]
    )
    longer = (position == end - 1) & (scored(sums[:, 0], position + 1 - length) > best)
    return tf.where(longer[:, None], tf.gather(running, first[:, 0]), tokens), position
